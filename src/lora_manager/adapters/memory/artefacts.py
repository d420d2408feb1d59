"""Artefacts of deliveries in memory."""

import hashlib
from uuid import UUID

from lora_manager.ports.artefacts import Artefact, ArtefactStore


class MemoryArtefactStore(ArtefactStore):
    """Keeps files for as long as it lives."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        """What is stored, by URI."""

    async def put(self, delivery_id: UUID, name: str, content: bytes) -> Artefact:
        uri = f"memory:{delivery_id}/{name}"
        self.contents[uri] = content
        return Artefact(name, uri, len(content), hashlib.sha256(content).hexdigest())
