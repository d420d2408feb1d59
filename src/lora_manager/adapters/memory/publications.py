"""Publications inside a transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from lora_manager.domain.publication import Announcement, Publication
from lora_manager.ports.publications import PublicationRepository


class MemoryPublicationRepository(PublicationRepository):
    """A copy of the committed publications, which the unit of work puts in their place.

    :param publishes: whether what is announced is kept
    """

    def __init__(self, committed: Mapping[UUID, Publication], *, publishes: bool) -> None:
        self.publications = dict(committed)
        self._publishes = publishes

    async def announce(self, *news: Announcement) -> None:
        if not self._publishes:
            return
        for one in news:
            known = self.publications.get(one.lora_id)
            self.publications[one.lora_id] = Publication.of(one) if known is None else known.announced(one)

    async def get(self, *lora_ids: UUID) -> Sequence[Publication]:
        wanted = dict.fromkeys(lora_ids)
        return [self.publications[lora_id] for lora_id in wanted if lora_id in self.publications]

    async def due(self, now: datetime, limit: int) -> Sequence[Publication]:
        due = [(one.due_at, one.lora_id) for one in self.publications.values() if one.due_at and one.due_at <= now]
        return [self.publications[lora_id] for _, lora_id in sorted(due)[:limit]]

    async def put(self, *publications: Publication) -> None:
        self.publications |= {publication.lora_id: publication for publication in publications}
