"""A worker: claims deliveries, has them sent, and records what came of it."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from lora_manager.app.deliveries.attempt import RunningAttempt
from lora_manager.app.deliveries.on_trail import on_trail_of
from lora_manager.app.deliveries.turn import Held, Turn
from lora_manager.domain.delivery import Delivery
from lora_manager.domain.errors import Failure
from lora_manager.ports.deliveries import DeliveryCatalog
from lora_manager.ports.dispatcher import Dispatcher
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.tracing import Tracer
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.work_queue import WorkQueue

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How a worker works.

    :param name: tells workers apart, in the record of every attempt
    :param concurrency: how many deliveries it works on at once, 1 or more
    :param at_once: how many deliveries one runtime that has a limit gets at once, from all workers together
    :param lease: for how long a delivery is the worker's unless it renews that; what a dead worker held waits this long
    :param look_every: how often it looks for what is due without being woken
    :param grace: how long it goes on with what it holds once it is told to stop
    """

    name: str
    concurrency: int = 50
    at_once: int = 1
    lease: timedelta = timedelta(seconds=30)
    look_every: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=10)


class Worker:
    """Works on deliveries until it is told to stop.

    All that it writes goes through one transaction after another, its turns. Each records the attempts that ended,
    renews leases and claims what is due: the busier the worker is, the more a turn does. Nothing is sent during one.

    :param chance: makes random numbers in 0..1
    """

    def __init__(
        self,
        options: WorkerOptions,
        begin: BeginUnitOfWork,
        catalog: DeliveryCatalog,
        dispatcher: Dispatcher,
        queue: WorkQueue,
        log: EventLog,
        chance: Callable[[], float],
        tracer: Tracer,
    ) -> None:
        self._options = options
        self._begin = begin
        self._catalog = catalog
        self._dispatcher = dispatcher
        self._queue = queue
        self._log = log
        self._chance = chance
        self._tracer = tracer
        self._attempts: dict[Held, RunningAttempt] = {}
        self._tasks: dict[Held, asyncio.Task[None]] = {}
        self._activity = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_waiting_for_store = False
        self._next_check = 0.0
        self._only: UUID | None = None

    @property
    def name(self) -> str:
        """What tells it from other workers."""
        return self._options.name

    async def run(self, stop: asyncio.Event, *, only: UUID | None = None) -> None:
        """Work until ``stop`` is set; then go on for the grace with what it holds, and hand back the rest.

        :param only: leave all but this delivery to other workers
        """
        self._only = only
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._activity.set())
        self._has_room.set()
        try:
            async with self._queue.listen(self._on_wake):
                while not stop.is_set():
                    await self._look(claiming=True)
                    await self._wait_for_activity()
            await self._finish()
        finally:
            stopping.cancel()
            await self._stop_tasks()

    async def _on_wake(self) -> None:
        """Look soon; a worker that is busy leaves further wake-ups to others."""
        self._activity.set()
        await self._has_room.wait()

    async def _wait_for_activity(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.look_every.total_seconds()):
                await self._activity.wait()
        await asyncio.sleep(0)  # what ends at the same moment is recorded together
        self._activity.clear()

    async def _finish(self) -> None:
        """End what it holds, and record that as long as the store answers."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.grace.total_seconds()):
                while self._attempts:
                    await self._look(claiming=False)
                    if self._attempts:
                        await self._wait_for_activity()
        await self._stop_tasks()
        if self._attempts:
            await self._look(claiming=False)

    async def _stop_tasks(self) -> None:
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look(self, *, claiming: bool) -> None:
        """Take a turn. While the store is away, what there is to record waits."""
        try:
            await self._drop_lost()
            await self._take_turn(claiming=claiming)
        except Failure as error:
            if not self._is_waiting_for_store:
                _logger.warning("deliveries wait until the store answers again: %s", error)
            self._is_waiting_for_store = True
        except Exception:
            _logger.exception("a fault of this service keeps deliveries from being recorded; trying again")
        else:
            self._is_waiting_for_store = False

    async def _drop_lost(self) -> None:
        """Stop working on what was cancelled, or is another worker's by now."""
        now = asyncio.get_running_loop().time()
        running = [attempt.delivery for attempt in self._attempts.values() if attempt.outcome is None]
        if running and now >= self._next_check:
            self._next_check = now + self._options.look_every.total_seconds()
            stored = await self._catalog.revisions([delivery.id for delivery in running])
            self._lose(Held(one.id, one.fence) for one in running if stored.get(one.id) != one.revision)

    async def _take_turn(self, *, claiming: bool) -> None:
        at = asyncio.get_running_loop().time()
        async with self._begin() as uow:
            now = await uow.deliveries.now()
            ended = {held: a.outcome for held, a in self._attempts.items() if a.outcome is not None}
            room = self._options.concurrency - len(self._attempts) + len(ended) if claiming else 0
            going_on = {held: a.progress for held, a in self._attempts.items() if self._is_to_renew(a, now, at)}
            turn = Turn(self._options.name, now, self._options.lease, self._chance)
            await turn.record(uow, ended, going_on)
            if room:
                await turn.claim(uow, room, at_once=self._options.at_once, only=self._only)
            if turn.changed:
                await uow.commit()
        for held in ended:
            del self._attempts[held]
        for held, progress in going_on.items():
            attempt = self._attempts[held]
            attempt.held_since, attempt.told_at, attempt.told = now, at, progress
        self._lose(turn.lost)
        for delivery in turn.claimed:
            self._start(delivery, now, at)
        self._note_room()
        for delivery, events in turn.changes:
            with on_trail_of(delivery):
                self._log.record(events)
        if room and len(turn.claimed) == room:
            self._activity.set()  # there may be more

    def _is_to_renew(self, attempt: RunningAttempt, now: datetime, at: float) -> bool:
        """Whether there is news of it, a third of its lease has passed, or the store's clock was set back.

        A clock that was set forward, or a machine that slept, leaves no lease: what this worker is at has to be renewed
        before it looks for what is due, or it would begin that again.
        """
        has_news = attempt.progress != attempt.told and at - attempt.told_at >= self._options.look_every.total_seconds()
        is_held = attempt.held_since <= now < attempt.held_since + self._options.lease / 3
        return attempt.outcome is None and (has_news or not is_held)

    def _start(self, delivery: Delivery, now: datetime, at: float) -> None:
        attempt = RunningAttempt(delivery, now, at)
        self._attempts[attempt.held] = attempt
        task = asyncio.create_task(self._work_on(attempt))
        self._tasks[attempt.held] = task
        task.add_done_callback(lambda _: self._tasks.pop(attempt.held))

    async def _work_on(self, attempt: RunningAttempt) -> None:
        """Have it sent; what came of it is for the next turn."""
        await attempt.run(self._dispatcher, self._tracer)
        self._activity.set()

    def _lose(self, lost: Iterable[Held]) -> None:
        """Forget what is not held any more, and stop what is still done about it."""
        for held in lost:
            self._attempts.pop(held, None)
            if (task := self._tasks.get(held)) is not None:
                task.cancel()
        self._note_room()

    def _note_room(self) -> None:
        if len(self._attempts) < self._options.concurrency:
            self._has_room.set()
        else:
            self._has_room.clear()
