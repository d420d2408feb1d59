"""What can be asked about publications."""

from collections.abc import AsyncGenerator, Collection, Mapping
from uuid import UUID

from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.domain.publication import Publication
from lora_manager.ports.publications import Backlog, PublicationCatalog


class MemoryPublicationCatalog(PublicationCatalog):
    """Answers by going through all of them."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def of(self, lora_ids: Collection[UUID]) -> Mapping[UUID, Publication]:
        stored = self._store.publications
        return {lora_id: stored[lora_id] for lora_id in lora_ids if lora_id in stored}

    async def all(self) -> AsyncGenerator[Publication, None]:
        for _, publication in sorted(self._store.publications.items()):
            yield publication

    async def backlog(self) -> Backlog:
        waiting = [one.waiting_since for one in self._store.publications.values() if one.waiting_since is not None]
        return Backlog(len(waiting), min(waiting, default=None))
