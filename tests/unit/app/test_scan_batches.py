"""A scan stores what it found bit by bit, also where it is interrupted or not alone."""

import asyncio
import dataclasses
import os
from datetime import timedelta

import pytest

from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.app.library.scan_library import ScanLibrary
from lora_manager.domain.errors import Conflict
from lora_manager.domain.scan import Outcome, Progress
from tests.unit.app.world import World, counts


async def test_a_dry_run_keeps_what_it_imagines_across_batches(world: World) -> None:
    world.clock.tick = timedelta(hours=1)  # every file is a batch of its own
    for folder in ("a", "b", "c"):
        world.put(f"{folder}/ink", "1")
        world.put(f"{folder}/wash", folder)
    report = await world.scan(dry_run=True)
    assert counts(report) == {Outcome.ADDED: 4, Outcome.DUPLICATE: 2}
    assert len({(finding.name, finding.version) for finding in report[Outcome.ADDED]}) == 4


async def test_progress_ends_at_its_total_though_refused_files_are_not_read_to_their_end(world: World) -> None:
    world.put("ink", "1")
    big = world.library / "big.safetensors"
    big.write_bytes(bytes(8))
    os.truncate(big, 5_000_000)
    steps: list[Progress] = []
    await world.scan(on_progress=steps.append)
    size = 5_000_000 + world.path("ink").stat().st_size
    assert steps[0] == Progress(0, 2, 0, size)
    assert steps[-1] == Progress(2, 2, size, size)
    assert [step.bytes_done for step in steps] == sorted(step.bytes_done for step in steps)


async def test_what_was_settled_before_an_interruption_is_kept(world: World) -> None:
    world.clock.tick = timedelta(hours=1)  # every file is a batch of its own
    for number in range(5):
        world.put(f"ink{number}", str(number))

    def interrupt(progress: Progress) -> None:
        if progress.files_done == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await world.scan(on_progress=interrupt)
    assert list(world.loras) == ["ink0", "ink1"]
    assert counts(await world.scan()) == {Outcome.UNCHANGED: 2, Outcome.ADDED: 3}


async def test_more_files_than_fit_a_batch_are_all_settled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.app.library.settlement.BATCH_FILES", 2)
    monkeypatch.setattr("lora_manager.app.library.scan_library.BATCH_FILES", 2)
    names = [f"ink{number}" for number in range(7)]
    for name in names:
        world.put(name, name)
    assert counts(await world.scan()) == {Outcome.ADDED: 7}
    for name in names:
        world.put(name, f"{name} again")
    assert counts(await world.scan()) == {Outcome.CHANGED: 7}
    for name in names:
        world.path(name).unlink()
    assert counts(await world.scan()) == {Outcome.MISSING: 7}


class Contested(MemoryUnitOfWork):
    """Somebody else commits first, so many times."""

    defeats = 0

    async def commit(self) -> None:
        if Contested.defeats:
            Contested.defeats -= 1
            raise Conflict("somebody else was faster")
        await super().commit()


async def test_a_batch_is_settled_again_when_somebody_else_was_faster(world: World) -> None:
    world.put("ink", "1")
    world.scan_library = replaced_begin(world)
    Contested.defeats = 2
    assert counts(await world.scan()) == {Outcome.ADDED: 1}
    assert list(world.loras) == ["ink"]


async def test_a_scan_that_never_wins_fails_instead_of_going_on_for_ever(world: World) -> None:
    world.put("ink", "1")
    world.scan_library = replaced_begin(world)
    Contested.defeats = 1_000
    with pytest.raises(Conflict):
        await world.scan()


def replaced_begin(world: World) -> ScanLibrary:
    return dataclasses.replace(world.scan_library, begin=lambda: Contested(world.store))


async def test_an_entry_that_somebody_else_moved_meanwhile_is_not_marked_missing(world: World) -> None:
    world.put("a/ink", "1")
    await world.scan()
    world.move("a/ink", to="b/ink")
    ink = world.loras["ink"]
    assert ink.file is not None
    moved, _ = ink.observe(ink.file, now=world.clock.now(), file_path=str(world.path("b/ink")))

    def begin() -> MemoryUnitOfWork:
        world.store.loras[moved.id] = moved
        return MemoryUnitOfWork(world.store)

    world.scan_library = dataclasses.replace(world.scan_library, begin=begin)
    assert counts(await world.scan("a")) == {}
    assert world.loras["ink"] == moved
