"""The outbox as values, in memory, in SQLite and in PostgreSQL: the same steps leave the same publications."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.tables import publications as table
from lora_manager.domain.events import EventName
from lora_manager.domain.publication import Announcement, Publication
from lora_manager.ports.publications import Backlog
from tests.contract.examples import LEASE, NOW
from tests.contract.publication_examples import REVISIONS, TRAILS, Step, a_change, publications, steps
from tests.contract.stores import NewUrl, Stores, memory_stores, stores_of

T = TypeVar("T")
Await = Callable[[Coroutine[Any, Any, T]], T]
LORAS = st.integers(0, 4).map(lambda number: UUID(int=number))
NEWS = st.tuples(LORAS, REVISIONS, st.timedeltas(timedelta(), LEASE), st.sampled_from(EventName), TRAILS)


class Agreement(RuleBasedStateMachine):
    """Does the same to all of them, and compares."""

    def __init__(self, stores: Sequence[Stores], run: Await[Any]) -> None:
        super().__init__()
        self.stores = stores
        self.run = run
        self.now = NOW
        self.expected: dict[UUID, Publication] = {}

    @rule(wait=st.timedeltas(timedelta(), 2 * LEASE))
    def time_passes(self, wait: timedelta) -> None:
        self.now += wait

    @rule(drawn=st.lists(NEWS, min_size=1, max_size=6), commits=st.booleans())
    def announce(self, drawn: list[tuple[UUID, int, timedelta, EventName, dict[str, str]]], *, commits: bool) -> None:
        news = [
            a_change(lora_id, revision, at=self.now + wait, event=event, trail=trail)
            for lora_id, revision, wait, event, trail in drawn
        ]
        for stores in self.stores:
            self.run(announce(stores, news, commits=commits))
        if commits:
            for one in news:
                known = self.expected.get(one.lora_id)
                self.expected[one.lora_id] = Publication.of(one) if known is None else known.announced(one)

    @rule(limit=st.integers(1, 5))
    def claim_what_is_due(self, limit: int) -> None:
        due = [one for one in self.expected.values() if one.due_at is not None and one.due_at <= self.now]
        due.sort(key=lambda one: (one.due_at, one.lora_id))
        for stores in self.stores:
            assert self.run(claim(stores, self, limit)) == due[:limit]
        self.expected |= {one.lora_id: one.claimed(now=self.now, lease=LEASE) for one in due[:limit]}

    @rule(lora_ids=st.lists(LORAS, min_size=1, max_size=4), step=steps())
    def go_on(self, lora_ids: list[UUID], step: Step) -> None:
        known = [self.expected[lora_id] for lora_id in dict.fromkeys(lora_ids) if lora_id in self.expected]
        for stores in self.stores:
            assert self.run(go_on(stores, self, lora_ids, step)) == known
        self.expected |= {one.lora_id: step(one, self.now) for one in known}

    @rule(several=st.lists(publications(LORAS), max_size=3))
    def put(self, several: list[Publication]) -> None:
        for stores in self.stores:
            self.run(stores.publish(*several))
        self.expected |= {one.lora_id: one for one in several}

    @invariant()
    def they_hold_the_same(self) -> None:
        waiting = [one.waiting_since for one in self.expected.values() if one.waiting_since is not None]
        backlog = Backlog(len(waiting), min(waiting, default=None))
        ordered = [self.expected[lora_id] for lora_id in sorted(self.expected)]
        for stores in self.stores:
            assert self.run(everything(stores)) == ordered
            assert self.run(stores.publications.backlog()) == backlog
            assert self.run(found(stores)) == self.expected


async def announce(stores: Stores, news: Sequence[Announcement], *, commits: bool) -> None:
    async with stores.begin() as uow:
        await uow.publications.announce(*news)
        if commits:
            await uow.commit()


async def claim(stores: Stores, at: Agreement, limit: int) -> Sequence[Publication]:
    async with stores.begin() as uow:
        due = await uow.publications.due(at.now, limit)
        await uow.publications.put(*(one.claimed(now=at.now, lease=LEASE) for one in due))
        await uow.commit()
    return due


async def go_on(stores: Stores, at: Agreement, lora_ids: Sequence[UUID], step: Step) -> Sequence[Publication]:
    async with stores.begin() as uow:
        known = await uow.publications.get(*lora_ids)
        await uow.publications.put(*(step(one, at.now) for one in known))
        await uow.commit()
    return known


async def everything(stores: Stores) -> list[Publication]:
    return [one async for one in stores.publications.all()]


async def found(stores: Stores) -> Mapping[UUID, Publication]:
    return await stores.publications.of([UUID(int=number) for number in range(5)])


async def emptied(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(table.delete())
        await connection.commit()


def test_the_domain_memory_sqlite_and_postgresql_agree(new_url: NewUrl) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        urls = [new_url(system) for system in ("sqlite", "postgresql")]
        databases = [runner.run(stack.enter_async_context(open_database(url))) for url in urls]
        opened = [runner.run(stack.enter_async_context(stores_of(database))) for database in databases]

        class Machine(Agreement):
            """Begins with nothing stored."""

            def __init__(self) -> None:
                for database in databases:
                    runner.run(emptied(database))
                super().__init__([memory_stores(), *opened], runner.run)

        try:
            run_state_machine_as_test(Machine, settings=settings(max_examples=40, stateful_step_count=15))
        finally:
            runner.run(stack.aclose())
