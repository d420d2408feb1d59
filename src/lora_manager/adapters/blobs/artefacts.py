"""Artefacts of deliveries as blobs."""

from uuid import UUID

from lora_manager.domain.media_types import media_type_of
from lora_manager.ports.artefacts import Artefact, ArtefactStore
from lora_manager.ports.blob_store import BlobStore, in_one_chunk


class BlobArtefactStore(ArtefactStore):
    """Blobs with the keys ``<delivery id>/<name>``."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def put(self, delivery_id: UUID, name: str, content: bytes) -> Artefact:
        blob = await self._store.put(f"{delivery_id}/{name}", in_one_chunk(content), media_type=media_type_of(name))
        assert blob.sha256 is not None  # noqa: S101  # what was just put, every store tells
        return Artefact(name, blob.uri, blob.size_bytes, blob.sha256)
