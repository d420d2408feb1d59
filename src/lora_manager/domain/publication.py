"""What is published of a LoRA's metadata, and what still has to be: its row in the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from lora_manager.domain.delivery.backoff import backoff
from lora_manager.domain.events import Event, EventName

CAP = timedelta(seconds=60)  # between two attempts: a store that is back is noticed within a minute


class PublicationState(StrEnum):
    """Whether the document that others read is up to date; ``off`` where nothing is published."""

    OFF = "off"
    PENDING = "pending"
    SYNCED = "synced"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A change of a LoRA that is to be published.

    :param revision: of the LoRA after the change
    :param trail: the ids of the request that made the change, by name, for logs and traces
    """

    lora_id: UUID
    event: EventName
    revision: int
    at: datetime
    trail: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The publication of one LoRA's metadata document.

    Several changes in a row are one publication: what is published is the LoRA as it is then.

    :param event: what happened last
    :param revision: of the LoRA, at which that happened
    :param waiting_since: when the oldest change happened that is not published; None: nothing waits
    :param due_at: when to try next; None: nothing waits
    :param attempts: begun since the last change or success
    :param published_revision: that the published document is of; None: there is none
    :param version: by which the sink tells the published document from a later one
    :param uri: where it is
    :param detail: why the last attempt failed; None where it did not
    :param trail: of the last change, see :class:`Announcement`
    """

    lora_id: UUID
    event: EventName
    revision: int
    waiting_since: datetime | None
    due_at: datetime | None
    attempts: int = 0
    published_revision: int | None = None
    version: str | None = None
    uri: str | None = None
    synced_at: datetime | None = None
    detail: str | None = None
    trail: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, news: Announcement) -> "Publication":
        """The publication of a LoRA of which there was none."""
        return cls(
            lora_id=news.lora_id,
            event=news.event,
            revision=news.revision,
            waiting_since=news.at,
            due_at=news.at,
            trail=news.trail,
        )

    @property
    def state(self) -> PublicationState:
        """Where it stands."""
        if self.waiting_since is not None:
            return PublicationState.PENDING if self.detail is None else PublicationState.FAILED
        return PublicationState.OFF if self.uri is None else PublicationState.SYNCED

    def announced(self, news: Announcement) -> "Publication":
        """There is something new to publish, at once; news older than what is known changes nothing."""
        if news.revision < self.revision:
            return self
        return replace(
            self,
            event=news.event,
            revision=news.revision,
            waiting_since=self.waiting_since or news.at,
            due_at=news.at,
            attempts=0,
            trail=news.trail,
        )

    def claimed(self, *, now: datetime, lease: timedelta) -> "Publication":
        """Somebody is at it; should they die, another one may try after the lease."""
        return replace(self, due_at=now + lease, attempts=self.attempts + 1)

    def published(self, revision: int, uri: str, version: str, *, now: datetime) -> tuple["Publication", Event]:
        """The document of a revision is where others read it; what changed meanwhile still waits."""
        done = replace(self, published_revision=revision, uri=uri, version=version, synced_at=now, detail=None)
        return _settled(done, revision, now=now), Event(EventName.METADATA_PUBLISHED, now, self.lora_id)

    def withdrawn(self, revision: int, *, now: datetime) -> tuple["Publication", Event]:
        """There is no document any more, as of a revision at which the LoRA was deleted."""
        done = replace(self, published_revision=None, uri=None, version=None, synced_at=now, detail=None)
        return _settled(done, revision, now=now), Event(EventName.METADATA_PUBLISHED, now, self.lora_id)

    def failed(self, detail: str, *, now: datetime, chance: float) -> tuple["Publication", Event]:
        """An attempt failed; the next one is due later the more of them did, for as long as it takes.

        :param chance: a random number in 0..1
        """
        wait = min(backoff(max(self.attempts, 1), chance=1.0), CAP) * chance
        due_at = None if self.waiting_since is None else now + wait
        return replace(self, due_at=due_at, detail=detail), Event(EventName.METADATA_FAILED, now, self.lora_id)


def _settled(publication: Publication, revision: int, *, now: datetime) -> Publication:
    """Nothing waits any more, unless the LoRA is known to be newer; then that is due now."""
    if revision >= publication.revision:
        return replace(publication, waiting_since=None, due_at=None, attempts=0)
    return replace(publication, waiting_since=publication.waiting_since or now, due_at=now)
