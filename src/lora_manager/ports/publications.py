"""What is to be published and what was: the outbox."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lora_manager.domain.publication import Announcement, Publication


class PublicationRepository(Protocol):
    """Publications as one unit of work sees them.

    What :meth:`get` and :meth:`due` return MUST stay as it is until the unit of work ends, as for LoRAs.
    """

    @abstractmethod
    async def announce(self, *news: Announcement) -> None:
        """Note changes in the transaction that makes them: by ``Publication.announced``, or ``of`` for the first one.

        Where the deployment publishes nothing this MUST do nothing.
        """

    @abstractmethod
    async def get(self, *lora_ids: UUID) -> Sequence[Publication]:
        """The publications of these LoRAs, in this order, each once; where there is none it is left out."""

    @abstractmethod
    async def due(self, now: datetime, limit: int) -> Sequence[Publication]:
        """Up to ``limit`` whose ``due_at`` is not after ``now``, those due longest first.

        One that another unit of work holds is passed over, not waited for.
        """

    @abstractmethod
    async def put(self, *publications: Publication) -> None:
        """Store publications, new or changed; the last one put for a LoRA is the one kept."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many publications wait, and since when the oldest does (None where none waits)."""

    waiting: int
    oldest: datetime | None


class PublicationCatalog(Protocol):
    """Answers from what is committed, without a transaction."""

    @abstractmethod
    async def of(self, lora_ids: Collection[UUID]) -> Mapping[UUID, Publication]:
        """The publication of each of these LoRAs that has one."""

    @abstractmethod
    def all(self) -> AsyncGenerator[Publication, None]:
        """Every publication, ordered by LoRA, in batches that do not hold up the rest."""

    @abstractmethod
    async def backlog(self) -> Backlog:
        """What waits."""
