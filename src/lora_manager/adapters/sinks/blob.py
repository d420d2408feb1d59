"""Metadata documents as blobs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from lora_manager.domain.blob import Blob, BlobChanged, BlobMissing, Over, Replacing
from lora_manager.domain.errors import Conflict
from lora_manager.domain.metadata import MEDIA_TYPE, revision_of
from lora_manager.ports.blob_store import BlobStore, in_one_chunk
from lora_manager.ports.metadata_sink import MetadataSink, PublishedDocument, Superseded

ATTEMPTS = 32  # against others who write the same document; each that fails is one of theirs that succeeded
MAX_BYTES = 1 << 23  # more than a LoRA whose every field is as long as it may be
_SUFFIX = ".json"


class BlobMetadataSink(MetadataSink):
    """Keeps each document in a blob store, under the LoRA's id and ``.json``.

    The store's comparing and swapping is what keeps a later revision from being replaced: publishing puts the document
    in the place of one version only, that which was looked at or which the caller knows.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    async def publish(
        self, lora_id: UUID, document: bytes, revision: int, known_version: str | None = None
    ) -> PublishedDocument:
        key = f"{lora_id}{_SUFFIX}"
        replacing: Replacing = Over.NOTHING if known_version is None else known_version
        for _ in range(ATTEMPTS):
            try:
                blob = await self._store.put(key, in_one_chunk(document), media_type=MEDIA_TYPE, replacing=replacing)
                return PublishedDocument(lora_id, blob.uri, blob.version)
            except BlobChanged:
                there = await self._look(key)
            if there is None:
                replacing = Over.NOTHING
                continue
            blob, content = there
            if content == document:
                return PublishedDocument(lora_id, blob.uri, blob.version)
            published = revision_of(content)
            if published is not None and published > revision:
                raise Superseded(blob.uri, published, revision)
            replacing = blob.version
        raise Conflict(
            f"{self._store.root}{key} was written by somebody else each of the {ATTEMPTS} times that it was to be; "
            "find out who writes there besides, or try again later"
        )

    async def withdraw(self, lora_id: UUID) -> None:
        await self._store.delete(f"{lora_id}{_SUFFIX}")

    async def list(self) -> AsyncGenerator[PublishedDocument, None]:
        async with aclosing(self._store.list()) as blobs:
            async for blob in blobs:
                lora_id = _lora_id(blob.key)
                if lora_id is not None:
                    yield PublishedDocument(lora_id, blob.uri, blob.version)

    async def _look(self, key: str) -> tuple[Blob, bytes] | None:
        """What is there, without its bytes where there are too many for a document; None: nothing, or not any more."""
        try:
            blob = await self._store.stat(key)
            if blob.size_bytes > MAX_BYTES:
                return blob, b""
            async with aclosing(self._store.read(key, version=blob.version)) as chunks:
                return blob, b"".join([chunk async for chunk in chunks])
        except (BlobMissing, BlobChanged):
            return None


def _lora_id(key: str) -> UUID | None:
    """The LoRA whose document is kept under a key; None where it is that of something else."""
    try:
        lora_id = UUID(key.removesuffix(_SUFFIX))
    except ValueError:
        return None
    return lora_id if key == f"{lora_id}{_SUFFIX}" else None
