"""Wake-ups through SAQ, on Redis or PostgreSQL.

Every wake-up is a job of its own that holds nothing but the delivery's id. SAQ retries none: what is to be done is in
the database, where workers look every second whether they were woken or not.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from uuid import UUID, uuid4

from saq import Job, Queue, Status

from lora_manager.domain.errors import Unavailable
from lora_manager.ports.readiness import Part
from lora_manager.ports.work_queue import OnWake, WorkQueue

QUEUE = "lora-manager-deliveries"
_WAKE = "wake"
_PATIENCE_S = 5.0  # for one call of the broker
_PAUSE_S = 1.0  # before it is called again after it failed
_KEPT = 100  # wake-ups that outlive a broker's refusal: enough to rouse every worker, each of which then looks itself
_BLOCK_S = 1.0  # how long a worker waits for a wake-up before it asks anew: on PostgreSQL, SAQ may miss one meanwhile
_SWEEP_S = 60.0  # how often wake-ups that died with their worker are cleared away
_JOB_TIMEOUT_S = 60  # of a wake-up that a busy worker keeps; above this it counts as dead

_logger = logging.getLogger(__name__)


@asynccontextmanager
async def open_saq_queue(url: str, place: str) -> AsyncIterator["SaqQueue"]:
    """The queue for as long as the block lasts; the broker need not be there yet.

    :param url: ``redis://...``, ``rediss://...`` or ``postgresql://...``
    :param place: the same without secrets, for messages
    """
    queue = SaqQueue(Queue.from_url(url, name=QUEUE), place)
    sender = asyncio.create_task(queue.send())
    try:
        yield queue
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        await queue.disconnect()


class SaqQueue(WorkQueue, Part):
    """Wakes the workers of any host; get one from :func:`open_saq_queue`."""

    name = "queue"

    def __init__(self, queue: Queue, place: str) -> None:
        self._queue = queue
        self._place = place
        self._is_connected = False
        self._connecting = asyncio.Lock()
        self._to_wake: set[UUID] = set()
        self._has_some = asyncio.Event()
        self._is_away = False

    async def wake(self, delivery_id: UUID) -> None:
        self._to_wake.add(delivery_id)
        self._has_some.set()

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._connect()
                await self._queue.count("queued")
        except Exception as error:  # redis and psycopg have no common one
            raise Unavailable(
                f"the queue at {self._place} does not answer ({_said(error)}); deliveries go on, a second later each; "
                "start it, or correct QUEUE_URL"
            ) from error

    async def send(self) -> None:
        """Pass wake-ups on until cancelled; of those that the broker does not take, some are tried again."""
        while True:
            await self._has_some.wait()
            self._has_some.clear()
            waking, self._to_wake = self._to_wake, set()
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._connect()
                    for delivery_id in waking:
                        await self._queue.enqueue(_job(delivery_id))
                self._is_away = False
            except Exception as error:  # noqa: BLE001  # whatever a broker does, no delivery waits for it
                await self._pause(error)
                self._to_wake.update(islice(waking, _KEPT))
                self._has_some.set()

    @asynccontextmanager
    async def listen(self, on_wake: OnWake) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(work) for work in (self._take(on_wake, stop), self._sweep())]
        try:
            yield
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def disconnect(self) -> None:
        """Close the connections; what the broker says to that is of no use to anybody any more."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._queue.disconnect()
        except Exception as error:  # noqa: BLE001  # nobody can do anything about it
            _logger.debug("closing the queue at %s: %s", self._place, _said(error))

    async def _take(self, on_wake: OnWake, stop: asyncio.Event) -> None:
        while not stop.is_set():  # SAQ's dequeue returns when it is cancelled, as if there were nothing
            try:
                await self._connect()
                job = await self._queue.dequeue(timeout=_BLOCK_S)
                if job is not None:
                    await on_wake()
                    await self._queue.finish(job, Status.COMPLETE)
                self._is_away = False
            except Exception as error:  # noqa: BLE001  # the same
                await self._pause(error)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self._queue.sweep()
            except Exception as error:  # noqa: BLE001  # the same
                await self._pause(error)

    async def _connect(self) -> None:
        async with self._connecting:
            if not self._is_connected:
                await self._queue.connect()
                self._is_connected = True

    async def _pause(self, error: Exception) -> None:
        if not self._is_away:
            _logger.warning(
                "the queue at %s does not answer (%s); workers look by themselves", self._place, _said(error)
            )
        self._is_away = True
        await asyncio.sleep(_PAUSE_S)


def _job(delivery_id: UUID) -> Job:
    # A key of its own for every wake-up: SAQ drops a job whose key is queued, and the one queued may be stale.
    return Job(_WAKE, key=str(uuid4()), kwargs={"id": str(delivery_id)}, retries=1, ttl=-1, timeout=_JOB_TIMEOUT_S)


def _said(error: Exception) -> str:
    """What went wrong, without the broker's address, which may hold a password."""
    return (
        type(error).__name__
        if isinstance(error, TimeoutError) or not str(error)
        else f"{type(error).__name__}: {error}"
    )
