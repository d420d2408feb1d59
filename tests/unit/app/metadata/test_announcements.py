"""Whatever changes a LoRA announces it in the same transaction, so that no crash loses a publication."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from blake3 import blake3

from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.app.library.inspect_file import InspectFile
from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.app.loras.activate_lora import ActivateLora, DeactivateLora
from lora_manager.app.loras.change_many import BulkAction, ChangeMany, ChangeManyCommand
from lora_manager.app.loras.delete_lora import DeleteLora, RestoreLora
from lora_manager.app.loras.register_lora import RegisterLora, RegisterLoraCommand
from lora_manager.app.loras.reorder_loras import ReorderLoras
from lora_manager.app.loras.revise_lora import ReviseLora, ReviseLoraCommand
from lora_manager.app.loras.verify_lora import VerifyLora
from lora_manager.app.validation.conclusions import conclude
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.trail import following
from lora_manager.ports.validator import Verdict
from tests.contract.spans import TRAIL
from tests.unit.app.world import CountedIdentifiers, World


class Commits:
    """Looks at every commit: which LoRAs it changes, and which of them it does not have published."""

    def __init__(self, store: MemoryStore) -> None:
        self.changed: set[UUID] = set()
        self.unannounced: set[UUID] = set()
        self.begin = partial(_WatchedUnitOfWork, store, self)

    def forget(self) -> None:
        self.changed.clear()
        self.unannounced.clear()


class _WatchedUnitOfWork(MemoryUnitOfWork):
    def __init__(self, store: MemoryStore, commits: Commits) -> None:
        super().__init__(store, publishes=True)
        self._before = store
        self._commits = commits

    async def commit(self) -> None:
        due = {one.lora_id: one.revision for one in self.publications.publications.values() if one.due_at is not None}
        before = self._before.loras
        changed = {lora_id: lora for lora_id, lora in self.loras.loras.items() if before.get(lora_id) != lora}
        self._commits.changed |= changed.keys()
        self._commits.unannounced |= {lora.id for lora in changed.values() if due.get(lora.id) != lora.revision}
        await super().commit()


class Changes:
    """Everything that can be done to a LoRA."""

    def __init__(self, world: World, commits: Commits) -> None:
        self._world = world
        self._given = commits.begin, world.clock, world.log
        self._inspect = InspectFile(world.files, blake3)
        self._scan = replace(world.scan_library, begin=commits.begin)

    async def register(self, name: str) -> Lora:
        command = RegisterLoraCommand(name=name, file_path=str(self._world.put(name, name)))
        begin, clock, log = self._given
        return await RegisterLora(begin, self._inspect, clock, CountedIdentifiers(), log)(command)

    async def activate(self, lora: Lora) -> None:
        await ActivateLora(*self._given)(lora.id, ordinal=3)

    async def deactivate(self, lora: Lora) -> None:
        await self.activate(lora)
        await DeactivateLora(*self._given)(lora.id)

    async def revise(self, lora: Lora) -> None:
        await ReviseLora(*self._given)(ReviseLoraCommand(lora_id=lora.id, changes={"title": "Ink"}))

    async def reorder(self, lora: Lora) -> None:
        await ReorderLoras(*self._given)([lora.id])

    async def delete(self, lora: Lora) -> None:
        await DeleteLora(*self._given)(lora.id)

    async def restore(self, lora: Lora) -> None:
        await self.delete(lora)
        await RestoreLora(*self._given)(lora.id)

    async def tag_many(self, lora: Lora) -> None:
        command = ChangeManyCommand(action=BulkAction.TAG, lora_ids=(lora.id,), tags=("style:ink",))
        await ChangeMany(*self._given)(command)

    async def delete_many(self, lora: Lora) -> None:
        await ChangeMany(*self._given)(ChangeManyCommand(action=BulkAction.DELETE, lora_ids=(lora.id,)))

    async def verify(self, lora: Lora) -> None:
        self._world.put(lora.name, "other")
        begin, clock, log = self._given
        await VerifyLora(begin, self._world.catalog, self._inspect, clock, log)(lora.id)

    async def validate(self, lora: Lora) -> None:
        verdict = Verdict(lora_id=lora.id, validation=Validation(state=ValidationState.VALID))
        await conclude(*self._given, [(lora, verdict)])

    async def scan(self) -> None:
        await self._scan(ScanLibraryCommand(paths=(str(self._world.library),)))

    async def scan_its_changed_file(self, lora: Lora) -> None:
        self._world.put(lora.name, "other")
        await self.scan()

    async def scan_its_moved_file(self, lora: Lora) -> None:
        self._world.move(lora.name, "elsewhere")
        await self.scan()

    async def scan_without_its_file(self, lora: Lora) -> None:
        self._world.path(lora.name).unlink()
        await self.scan()


@pytest.fixture
def commits(world: World) -> Commits:
    return Commits(world.store)


@pytest.fixture
def changes(world: World, commits: Commits) -> Changes:
    return Changes(world, commits)


@pytest.fixture
async def ink(world: World, changes: Changes, commits: Commits) -> Lora:
    """A registered LoRA of which nothing waits to be published."""
    lora = await changes.register("ink")
    world.store.publications.clear()
    commits.forget()
    return lora


@pytest.mark.parametrize(
    "change",
    [
        *(Changes.activate, Changes.deactivate, Changes.revise, Changes.reorder, Changes.delete, Changes.restore),
        *(Changes.tag_many, Changes.delete_many, Changes.verify, Changes.validate),
        *(Changes.scan_its_changed_file, Changes.scan_its_moved_file, Changes.scan_without_its_file),
    ],
)
async def test_a_change_is_announced_in_the_commit_that_makes_it(
    changes: Changes, commits: Commits, ink: Lora, change: Callable[[Changes, Lora], Awaitable[None]]
) -> None:
    await change(changes, ink)
    assert (commits.changed, commits.unannounced) == ({ink.id}, set())


async def test_a_registered_lora_is_announced_in_the_commit_that_stores_it(changes: Changes, commits: Commits) -> None:
    lora = await changes.register("ink")
    assert (commits.changed, commits.unannounced) == ({lora.id}, set())


async def test_every_new_file_of_a_scan_is_announced_in_the_commit_that_stores_it(
    world: World, changes: Changes, commits: Commits
) -> None:
    for name in ("ink", "paper", "style/brush"):
        world.put(name, name)
    await changes.scan()
    assert len(commits.changed) == 3
    assert (commits.changed, commits.unannounced) == ({lora.id for lora in world.loras.values()}, set())


async def test_what_is_announced_keeps_the_trail_of_the_last_request_that_changed_it(
    world: World, changes: Changes
) -> None:
    with following({"request_id": "r-0"}):
        lora = await changes.register("ink")
    assert world.store.publications[lora.id].trail == {"request_id": "r-0"}
    with following(TRAIL):
        await changes.revise(lora)
    assert world.store.publications[lora.id].trail == TRAIL


async def test_what_changes_nothing_is_not_announced(
    world: World, changes: Changes, commits: Commits, ink: Lora
) -> None:
    await changes.revise(ink)
    world.store.publications.clear()
    commits.forget()
    await changes.revise(ink)
    await changes.scan()
    assert (commits.changed, world.store.publications) == (set(), {})
