"""Deliveries in memory: a store, a queue, a runtime that does what the test says, and workers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from lora_manager.adapters.memory.delivery_catalog import MemoryDeliveryCatalog
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.adapters.queues.in_process import InProcessQueue
from lora_manager.app.deliveries.change_delivery import CancelDelivery, RetryDelivery
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery, EnqueueDeliveryCommand
from lora_manager.app.deliveries.watch_delivery import WatchDelivery
from lora_manager.app.deliveries.worker import Worker, WorkerOptions
from lora_manager.domain.delivery import FINAL, Delivery, DispatchFailed, Mode, Result, Status
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.events import Event
from lora_manager.ports.clock import Clock
from lora_manager.ports.dispatcher import Dispatcher, Report
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.tracing import NoTracer, Tracer
from tests.unit.app.world import START, CountedIdentifiers

PATIENCE_S = 20.0
SDNEXT: Mapping[str, object] = {"base_url": "http://127.0.0.1:7860"}


@dataclass(slots=True)
class SetClock(Clock):
    """Stands still until it is set."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def elapsed(self) -> float:
        return (self.time - START).total_seconds()


@dataclass(slots=True)
class RecordedEvents(EventLog):
    """Keeps what it is told."""

    events: list[Event] = field(default_factory=list)

    def record(self, events: Sequence[Event]) -> None:
        self.events += events


class Runtime(Dispatcher):
    """Does with each attempt what it was told to; without orders it waits until ``release`` is set."""

    def __init__(self) -> None:
        self.orders: list[Result | Exception] = []
        self.begun: list[tuple[UUID, int]] = []
        self.cancelled: list[UUID] = []
        self.at_once = self.most_at_once = 0
        self.release = asyncio.Event()
        self.arrivals = asyncio.Semaphore(0)
        self.stops = asyncio.Semaphore(0)
        self.reports: list[Report] = []

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        self.begun.append((delivery.id, delivery.fence))
        self.reports.append(report)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.arrivals.release()
        try:
            order = self.orders.pop(0) if self.orders else None
            if isinstance(order, Exception):
                raise order
            if order is None:
                await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.append(delivery.id)
            self.stops.release()
            raise
        finally:
            self.at_once -= 1
        return order or {"done": True}

    async def arrival(self) -> None:
        """The next attempt begins."""
        await asyncio.wait_for(self.arrivals.acquire(), PATIENCE_S)

    async def stop(self) -> None:
        """An attempt is stopped."""
        await asyncio.wait_for(self.stops.acquire(), PATIENCE_S)


class FragileStore(MemoryStore):
    """A store that can be away, and tells when something is committed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.is_away = False
        self.refusals = asyncio.Semaphore(0)
        self.change = asyncio.Event()

    def begin(self) -> MemoryUnitOfWork:
        if self.is_away:
            self.refusals.release()
            raise Unavailable("the database is away")
        return _TellingUnitOfWork(self)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until what is committed makes it so."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await self.change.wait()


class _TellingUnitOfWork(MemoryUnitOfWork):
    def __init__(self, store: FragileStore) -> None:
        super().__init__(store)
        self._telling = store

    async def commit(self) -> None:
        await super().commit()
        self._telling.change.set()
        self._telling.change = asyncio.Event()


class Post:
    """Everything that deliveries need, in one place."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.store = FragileStore(clock=self.clock)
        self.queue = InProcessQueue()
        self.events = RecordedEvents()
        self.runtime = Runtime()
        self.tracer: Tracer = NoTracer()
        self.catalog = MemoryDeliveryCatalog(self.store)
        self.enqueue_delivery = EnqueueDelivery(
            self.store.begin,
            self.queue,
            CountedIdentifiers(),
            self.events,
            AllowedHosts.parse("loopback"),
            {"draw": ("draw", "{prompt_file}")},
        )
        self.cancel = CancelDelivery(self.store.begin, self.queue, self.events)
        self.retry = RetryDelivery(self.store.begin, self.queue, self.events)
        self.watch = WatchDelivery(self.catalog)

    async def enqueue(
        self, *, mode: Mode = Mode.HTTP, params: Mapping[str, object] | None = None, **options: float | str
    ) -> Delivery:
        """Accept a plain prompt."""
        params = {"host": "127.0.0.1"} if params is None else params
        make = partial(EnqueueDeliveryCommand, prompt="a quiet harbour", mode=mode, params=params)
        return await self.enqueue_delivery(make(**options))  # type: ignore[arg-type]  # each test gives what fits

    def worker(self, name: str = "one", **options: int | timedelta) -> Worker:
        """A worker that looks often."""
        made = WorkerOptions(name=name, **{"look_every": timedelta(milliseconds=5), **options})  # type: ignore[arg-type]
        stored = self.store.begin, self.catalog
        return Worker(made, *stored, self.runtime, self.queue, self.events, lambda: 1.0, self.tracer)

    @asynccontextmanager
    async def working(self, worker: Worker | None = None) -> AsyncIterator[asyncio.Event]:
        """A worker at work; it is told to stop when the block ends, or when the event is set."""
        stop = asyncio.Event()
        task = asyncio.create_task((worker or self.worker()).run(stop))
        try:
            yield stop
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_S)

    async def becomes(self, delivery: Delivery, *statuses: Status) -> Delivery:
        """The delivery once it has one of the statuses: by default, a final one."""
        await self.store.until(lambda: self.store.deliveries[delivery.id].status in (statuses or FINAL))
        return self.store.deliveries[delivery.id]


def trouble(*, retryable: bool = True) -> DispatchFailed:
    """An attempt that did not succeed."""
    return DispatchFailed("trouble", "the runtime has trouble", retryable=retryable)
