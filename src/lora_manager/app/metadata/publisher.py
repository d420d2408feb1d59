"""Publishing what changed: the relay between the outbox and where others read."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from lora_manager.app.chore import Chore, pause
from lora_manager.domain.errors import Failure
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.publication import Announcement, Publication
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.metadata_sink import MetadataSink, PublishedDocument, Superseded
from lora_manager.ports.tracing import Tracer
from lora_manager.ports.trail import following, trail
from lora_manager.ports.unit_of_work import BeginUnitOfWork, UnitOfWork

LEASE = timedelta(minutes=3)  # after which what a dead process was at is published by another
PATIENCE_S = 90.0  # for what was claimed together; it ends well before another may take that over
AT_ONCE = 16  # documents under way together
BATCH = 200  # publications in one transaction
LOOK_EVERY_S = 1.0

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The document is gone, because the LoRA is."""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The LoRA has changed since, and another publisher was faster with its later revision."""


Outcome: TypeAlias = PublishedDocument | Withdrawn | Overtaken | str
"""What came of an attempt; text is why it failed."""


class Publisher(Chore):
    """Publishes the LoRAs whose documents are out of date, and tries again what fails, for as long as it takes.

    Any number of them may work on one registry. Nothing is published inside a transaction: one claims, the next
    records.

    :param chance: makes random numbers in 0..1
    """

    def __init__(
        self,
        begin: BeginUnitOfWork,
        catalog: LoraCatalog,
        sink: MetadataSink,
        clock: Clock,
        log: EventLog,
        chance: Callable[[], float],
        tracer: Tracer,
    ) -> None:
        self._begin = begin
        self._catalog = catalog
        self._sink = sink
        self._clock = clock
        self._log = log
        self._chance = chance
        self._tracer = tracer
        self._room = asyncio.Semaphore(AT_ONCE)
        self._is_waiting_for_store = False
        self._is_failing = False

    async def run(self, stop: asyncio.Event) -> None:
        """Publish what is due until ``stop`` is set; what is under way then is finished."""
        while not stop.is_set():
            if await self._look() < BATCH:
                await pause(stop, LOOK_EVERY_S)

    async def publish_due(self, limit: int = BATCH) -> Mapping[UUID, Outcome]:
        """Make one attempt for each publication that is due, up to a limit, and tell what came of it."""
        async with self._begin() as uow:
            due = await uow.publications.due(self._clock.now(), limit)
            claimed = await self._claim(uow, due)
        return await self._publish(claimed)

    async def publish(self, lora_ids: Collection[UUID]) -> Mapping[UUID, Outcome]:
        """Make one attempt for each of these LoRAs, due or not; one that is deleted has its document withdrawn."""
        async with self._begin() as uow:
            news = [self._news_of(lora) for lora in await uow.loras.get(*sorted(lora_ids))]
            # Announced first, as every change is: of two that hold the same rows, one then waits for the other.
            await uow.publications.announce(*news)
            known = {one.lora_id: one for one in await uow.publications.get(*lora_ids)}
            wanted = [known[n.lora_id].announced(n) if n.lora_id in known else Publication.of(n) for n in news]
            claimed = await self._claim(uow, wanted)
        return await self._publish(claimed)

    async def _look(self) -> int:
        """How many publications were due. While the store is away, they wait."""
        try:
            done = await self.publish_due()
        except Failure as error:
            if not self._is_waiting_for_store:
                _logger.warning("publishing metadata waits until the store answers again: %s", error)
            self._is_waiting_for_store = True
            return 0
        except Exception:
            _logger.exception("a fault of this service keeps metadata from being published; trying again")
            return 0
        self._is_waiting_for_store = False
        return len(done)

    async def _claim(self, uow: UnitOfWork, wanted: Sequence[Publication]) -> Sequence[Publication]:
        now = self._clock.now()
        claimed = [publication.claimed(now=now, lease=LEASE) for publication in wanted]
        if claimed:
            await uow.publications.put(*claimed)
            await uow.commit()
        return claimed

    async def _publish(self, claimed: Sequence[Publication]) -> Mapping[UUID, Outcome]:
        loras = {lora.id: lora for lora in await self._catalog.find(ids=[one.lora_id for one in claimed])}
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        outcomes = await asyncio.gather(*(self._attempt(one, loras.get(one.lora_id), deadline) for one in claimed))
        done = {one.lora_id: outcome for one, outcome in zip(claimed, outcomes, strict=True)}
        if done:
            revisions = {one.lora_id: one.revision for one in claimed}
            await self._record(claimed, done, revisions | {lora.id: lora.revision for lora in loras.values()})
            self._tell([outcome for outcome in done.values() if isinstance(outcome, str)])
        return done

    def _tell(self, failures: Sequence[str]) -> None:
        """Warn once that documents are not published; the next warning comes after a batch without a failure."""
        if failures and not self._is_failing:
            _logger.warning("metadata is not published, and tried again: %s", failures[0])
        self._is_failing = bool(failures)

    async def _attempt(self, publication: Publication, lora: Lora | None, deadline: float) -> Outcome:
        about: dict[str, str | int] = {
            "adapter.id": str(publication.lora_id),
            "publication.attempt": publication.attempts,
        }
        with following(publication.trail):
            try:
                with self._tracer.span("publish metadata", **about):
                    async with asyncio.timeout_at(deadline), self._room:
                        return await self._bring_up_to_date(lora, publication)
            except Failure as error:
                return str(error)
            except TimeoutError:
                return f"where metadata is published, this was not done within {PATIENCE_S:g} s"
            except Exception:
                _logger.exception("publishing the metadata of %s: a fault of this service", publication.lora_id)
                return "a fault of this service; its log says more"

    async def _bring_up_to_date(self, lora: Lora | None, publication: Publication) -> Outcome:
        if lora is None:
            await self._sink.withdraw(publication.lora_id)
            return Withdrawn()
        return await self._publish_document(lora, publication)

    async def _publish_document(self, lora: Lora, publication: Publication) -> PublishedDocument | Overtaken:
        # The version of a document of this very revision is not given: that document is looked at, and stays.
        is_outdated = (publication.published_revision or 0) < lora.revision
        try:
            return await self._sink.publish(
                lora.id, metadata_document(lora), lora.revision, publication.version if is_outdated else None
            )
        except Superseded as error:
            if any(one.revision >= error.published for one in await self._catalog.find(ids=[lora.id])):
                return Overtaken()
            raise

    async def _record(
        self, claimed: Sequence[Publication], done: Mapping[UUID, Outcome], revisions: Mapping[UUID, int]
    ) -> None:
        async with self._begin() as uow:
            publications = await uow.publications.get(*done)
            judged = [self._recorded(one, done[one.lora_id], revisions[one.lora_id]) for one in publications]
            recorded = [record for record in judged if record is not None]
            await uow.publications.put(*(publication for publication, _ in recorded))
            await uow.commit()
        trails = {one.lora_id: one.trail for one in claimed}  # a change since then may have another
        for publication, event in recorded:
            with following(trails[publication.lora_id]):
                self._log.record([event])

    def _recorded(self, publication: Publication, outcome: Outcome, revision: int) -> tuple[Publication, Event] | None:
        """The publication after an attempt; None where a later revision is published: who did that records it."""
        now = self._clock.now()
        if isinstance(outcome, Withdrawn):
            return publication.withdrawn(revision, now=now)
        if isinstance(outcome, Overtaken) or (publication.published_revision or 0) > revision:
            return None
        if isinstance(outcome, PublishedDocument):
            return publication.published(revision, outcome.uri, outcome.version, now=now)
        return publication.failed(outcome, now=now, chance=self._chance())

    def _news_of(self, lora: Lora) -> Announcement:
        """What makes the publication wait until it succeeds."""
        event = EventName.UPDATED if lora.deleted_at is None else EventName.DELETED
        now = self._clock.now()
        return Announcement(lora_id=lora.id, event=event, revision=lora.revision, at=now, trail=dict(trail()))
