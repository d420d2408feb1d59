"""A registry as a value, in memory, in SQLite and in PostgreSQL: the same steps give the same answers."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)

from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.tables import metadata
from lora_manager.adapters.memory.listing import page_of
from lora_manager.domain.errors import Failure, LoraNotFound
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Change, Lora, LoraChanges
from lora_manager.domain.prompt import active_members, compose
from lora_manager.domain.registry import Registry, Step, check_distinct, reorder
from lora_manager.domain.selection import Order, OrderField, Selection
from lora_manager.domain.validation import ValidationState
from lora_manager.ports.unit_of_work import UnitOfWork
from lora_manager.testing import strategies as some
from tests.contract.stores import NewUrl, Stores, memory_stores, stores_of

T = TypeVar("T")
Await = Callable[[Coroutine[Any, Any, T]], T]
ORDERS = [Order(field, descending) for field in OrderField for descending in (False, True)]
TAGS = st.sampled_from(["style:anime", "style:ink", "nsfw", "STRASSE", "%"])
WORDS = st.sampled_from(["ink", "INK", "straße", "%", "_", "", "ﬁ", "a"]) | some.names()


def changes() -> st.SearchStrategy[LoraChanges]:
    """Whatever a user may change."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "name": some.names(),
        "version": some.versions(),
        "title": st.none() | WORDS,
        "tags": st.lists(TAGS, max_size=3).map(tuple),
        "weight": some.weights(),
        "te_weight": st.none() | some.weights(),
        "active": st.booleans(),
        "ordinal": some.ordinals(),
        "triggers": st.lists(some.triggers(), max_size=2).map(tuple),
        "base_model": st.none() | st.sampled_from(["sdxl", "flux"]),
    }
    return st.fixed_dictionaries({}, optional=fields)  # type: ignore[return-value]  # its keys are those of LoraChanges


def selections() -> st.SearchStrategy[Selection]:
    """Listings with some filters, any order, and small pages."""
    tags = st.lists(TAGS, min_size=1, max_size=2).map(tuple)
    filters: dict[str, st.SearchStrategy[Any]] = {
        "active": st.booleans(),
        "tags": tags,
        "any_tags": tags,
        "not_tags": tags,
        "words": st.lists(WORDS, min_size=1, max_size=2).map(tuple),
        "base_model": st.sampled_from(["sdxl", "flux"]),
        "file_state": st.sampled_from(FileState),
        "validation_state": st.sampled_from(ValidationState),
    }
    page = {
        "order": st.sampled_from(ORDERS),
        "limit": st.integers(1, 4),
        "offset": st.integers(0, 3),
    }
    few_filters = st.dictionaries(st.sampled_from(sorted(filters)), st.none(), max_size=2)
    return few_filters.flatmap(lambda names: st.builds(Selection, **{name: filters[name] for name in names}, **page))


class Agreement(RuleBasedStateMachine):
    """Does the same to all of them, and compares."""

    known: Bundle[UUID] = Bundle("known")

    def __init__(self, stores: Sequence[Stores], run: Await[Any]) -> None:
        super().__init__()
        self.registry = Registry()
        self.stores = stores
        self.run = run
        self.now = some.EPOCH

    def step(self, expected: Callable[[], Step], store: Callable[[UnitOfWork], Coroutine[Any, Any, None]]) -> None:
        """Do it to all: where one refuses, all refuse with the same words."""
        refusal = None
        try:
            self.registry, _ = expected()
        except Failure as error:
            refusal = error
        for stores in self.stores:
            assert repr(self.run(attempt(stores, store))) == repr(refusal)

    def change(self, lora_id: UUID, expected: Callable[[], Step], change: Callable[[Lora], Change]) -> None:
        """Change one LoRA that is not deleted, or bring it back."""

        async def store(uow: UnitOfWork) -> None:
            loras = await living(uow, [lora_id])
            await save(uow, [change(lora) for lora in loras])

        self.step(expected, store)

    def later(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    @initialize(target=known, loras=st.lists(some.loras(), min_size=3, max_size=6, unique_by=lambda lora: lora.id))
    def begin(self, loras: list[Lora]) -> MultipleResults[UUID]:
        for lora in loras:
            self.register(lora)
        return multiple(*(lora.id for lora in loras))

    @rule(target=known, lora=some.loras())
    def register(self, lora: Lora) -> UUID:
        assume(lora.id not in self.registry.loras)
        self.step(lambda: self.registry.register(lora), lambda uow: uow.loras.add(lora))
        return lora.id

    @rule(lora_id=known | some.ids(), changes=changes())
    def revise(self, lora_id: UUID, changes: LoraChanges) -> None:
        now = self.later()
        self.change(
            lora_id,
            lambda: self.registry.revise(lora_id, now=now, **changes),
            lambda lora: lora.revise(now=now, **changes),
        )

    @rule(lora_id=known, ordinal=some.ordinals())
    def activate(self, lora_id: UUID, ordinal: int | None) -> None:
        now = self.later()
        self.change(
            lora_id,
            lambda: self.registry.activate(lora_id, now=now, ordinal=ordinal),
            lambda lora: lora.activate(now=now, ordinal=ordinal),
        )

    @rule(lora_id=known)
    def deactivate(self, lora_id: UUID) -> None:
        now = self.later()
        self.change(lora_id, lambda: self.registry.deactivate(lora_id, now=now), lambda lora: lora.deactivate(now=now))

    @rule(lora_id=known)
    def delete(self, lora_id: UUID) -> None:
        now = self.later()
        self.change(lora_id, lambda: self.registry.delete(lora_id, now=now), lambda lora: lora.delete(now=now))

    @rule(lora_id=known | some.ids())
    def restore(self, lora_id: UUID) -> None:
        now = self.later()

        async def store(uow: UnitOfWork) -> None:
            loras = await uow.loras.get(lora_id)
            if not loras:
                raise LoraNotFound(lora_id)
            await save(uow, [lora.restore(now=now) for lora in loras])

        self.step(lambda: self.registry.restore(lora_id, now=now), store)

    @rule(lora_ids=st.lists(known, max_size=4))
    def reorder(self, lora_ids: list[UUID]) -> None:
        now = self.later()

        async def store(uow: UnitOfWork) -> None:
            check_distinct(lora_ids)
            await save(uow, reorder(await living(uow, lora_ids), now=now))

        self.step(lambda: self.registry.reorder(lora_ids, now=now), store)

    @rule(selection=selections())
    def list_by_offset_and_then_by_cursor(self, selection: Selection) -> None:
        self.compare(selection)

    def compare(self, selection: Selection) -> None:
        """The same pages, to the end of the listing."""
        following: Selection | None = selection
        while following is not None:
            expected = page_of(self.registry.loras.values(), following)
            for stores in self.stores:
                assert self.run(stores.catalog.page(following)) == expected
            cursor = expected.next_cursor
            following = replace(following, offset=0, cursor=cursor) if cursor else None

    @rule(lora_ids=st.lists(known | some.ids(), max_size=3), names=st.lists(WORDS, max_size=2))
    def find(self, lora_ids: list[UUID], names: list[str]) -> None:
        found = [
            x for x in self.registry.loras.values() if x.deleted_at is None and (x.id in lora_ids or x.name in names)
        ]
        expected = sorted(found, key=lambda lora: lora.order_key)
        for stores in self.stores:
            assert list(self.run(stores.catalog.find(ids=lora_ids, names=names))) == expected

    @rule()
    def compose(self) -> None:
        expected = outcome(self.registry.compose)
        for stores in self.stores:
            active = self.run(stores.catalog.active())
            assert outcome(partial(compose, active_members(active))) == expected
            assert list(active) == [member.lora for member in active_members(self.registry.loras.values())]

    @rule()
    def report(self) -> None:
        memory, *databases = self.stores
        for stores in self.stores:
            assert tuple(self.run(stores.report.duplicates())) == self.registry.duplicates()
        for stores in databases:
            assert self.run(stores.report.tags()) == self.run(memory.report.tags())
            for folder in ("/", "/loras", "s3://loras", "C:\\"):
                assert self.run(stores.report.known_files(folder)) == self.run(memory.report.known_files(folder))

    def teardown(self) -> None:
        """In the end they hold the same, deleted ones included, and list it the same in every order."""
        for order in ORDERS:
            self.compare(Selection(order=order, limit=3))
        for word in ("ink", "INK", "style:", "STRASSE", "<B"):
            self.compare(Selection(words=(word,)))
        for stores in self.stores:
            assert {lora.id: lora for lora in self.run(everything(stores, self.registry.loras))} == self.registry.loras


async def attempt(stores: Stores, store: Callable[[UnitOfWork], Coroutine[Any, Any, None]]) -> Failure | None:
    """Do it in a transaction, and give back why not."""
    async with stores.begin() as uow:
        try:
            await store(uow)
        except Failure as error:
            return error
        await uow.commit()
    return None


async def living(uow: UnitOfWork, lora_ids: Sequence[UUID]) -> list[Lora]:
    loras = {lora.id: lora for lora in await uow.loras.get(*lora_ids) if lora.deleted_at is None}
    for lora_id in lora_ids:
        if lora_id not in loras:
            raise LoraNotFound(lora_id)
    return [loras[lora_id] for lora_id in lora_ids]


async def save(uow: UnitOfWork, changes: Sequence[Change]) -> None:
    await uow.loras.save(*(lora for lora, events in changes if events))


async def everything(stores: Stores, lora_ids: Iterable[UUID]) -> Sequence[Lora]:
    async with stores.begin() as uow:
        return await uow.loras.get(*lora_ids)


def outcome(work: Callable[[], T]) -> T | str:
    try:
        return work()
    except Failure as error:
        return repr(error)


async def emptied(database: Database) -> None:
    async with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
        await connection.commit()


def test_registry_memory_sqlite_and_postgresql_agree(new_url: NewUrl) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        urls = [new_url(system) for system in ("sqlite", "postgresql")]
        databases = [runner.run(stack.enter_async_context(open_database(url))) for url in urls]

        class Machine(Agreement):
            """Begins with nothing stored and nothing remembered."""

            def __init__(self) -> None:
                for database in databases:
                    runner.run(emptied(database))
                fresh = [runner.run(stack.enter_async_context(stores_of(database))) for database in databases]
                super().__init__([memory_stores(), *fresh], runner.run)

        try:
            run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=20))
        finally:
            runner.run(stack.aclose())
