"""Blobs in memory."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count

from lora_manager.domain.blob import (
    WHOLE,
    Blob,
    BlobChanged,
    BlobMissing,
    Corrupted,
    Over,
    Replacing,
    Span,
    check_key,
)
from lora_manager.domain.media_types import ANY_TYPE
from lora_manager.ports.blob_store import BlobStore


class MemoryBlobStore(BlobStore):
    """Keeps blobs for as long as it lives."""

    root = "memory:"

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[Blob, bytes]] = {}
        self._versions = count(1)

    @property
    def contents(self) -> Mapping[str, bytes]:
        """What is stored, by URI."""
        return {blob.uri: content for blob, content in self._blobs.values()}

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        media_type: str = ANY_TYPE,
        replacing: Replacing = Over.ANYTHING,
        sha256: str | None = None,
    ) -> Blob:
        uri = self._uri(key)
        whole = b"".join([chunk async for chunk in content])
        received = hashlib.sha256(whole).hexdigest()
        if sha256 not in {None, received}:
            raise Corrupted(uri, str(sha256), received)
        there, _ = self._blobs.get(key, (None, b""))
        if replacing is not Over.ANYTHING and (there.version if there else Over.NOTHING) != replacing:
            raise BlobChanged(uri)
        blob = Blob(
            key=key,
            uri=uri,
            size_bytes=len(whole),
            modified_at=datetime.now(UTC),
            version=str(next(self._versions)),
            sha256=received,
        )
        self._blobs[key] = blob, whole
        return blob

    async def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        blob, content = self._found(key)
        if version not in {None, blob.version}:
            raise BlobChanged(blob.uri)
        if chunk := content[span.begin : span.end]:
            yield chunk

    async def stat(self, key: str) -> Blob:
        return self._found(key)[0]

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        for blob, _ in [self._blobs[key] for key in sorted(self._blobs) if key.startswith(prefix)]:
            yield blob

    async def delete(self, key: str) -> None:
        self._blobs.pop(check_key(key), None)

    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        check_key(key)
        return None

    def _uri(self, key: str) -> str:
        return self.root + check_key(key)

    def _found(self, key: str) -> tuple[Blob, bytes]:
        uri = self._uri(key)
        try:
            return self._blobs[key]
        except KeyError:
            raise BlobMissing(uri) from None
