"""Where whole files are kept by key: a bucket, a folder."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable
from datetime import timedelta
from typing import Protocol

from lora_manager.domain.blob import WHOLE, Blob, Over, Replacing, Span
from lora_manager.domain.media_types import ANY_TYPE


async def in_one_chunk(content: bytes) -> AsyncGenerator[bytes, None]:
    """Content that is at hand, as :meth:`BlobStore.put` takes it."""
    yield content


class BlobStore(Protocol):
    """Keeps blobs by key.

    Every key is one that ``domain.blob.check_key`` takes; for another one every method raises ``InvalidKey``. A store
    that does not answer raises ``Unavailable``; one that never will until a setting is changed (no such bucket, an
    access key that is refused) raises ``InvalidInput``; both name the cause and the way out.
    """

    @property
    @abstractmethod
    def root(self) -> str:
        """What each blob's URI begins with, before its key: ``s3://bucket/prefix/``, or a folder and a separator."""

    @abstractmethod
    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        media_type: str = ANY_TYPE,
        replacing: Replacing = Over.ANYTHING,
        sha256: str | None = None,
    ) -> Blob:
        """Store a blob whole or not at all, as it comes, and tell its SHA-256.

        Nobody MUST ever see a part of it. Where ``content`` raises or the call is cancelled, nothing is left behind.
        Of several that may replace nothing, or the same version, exactly one succeeds wherever the store can compare
        and swap; where it cannot, as nearly as looking just before allows.

        :param content: chunks of any size
        :param sha256: of what will come, where that is known: 64 lower-case hex digits
        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        :raises Corrupted: ``content`` has another SHA-256
        """

    @abstractmethod
    def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes in chunks; fewer than the span asks for where the blob ends before.

        :param version: read that one and no other
        :raises BlobMissing: there is no such blob
        :raises BlobChanged: it has another version
        """

    @abstractmethod
    async def stat(self, key: str) -> Blob:
        """What there is to tell of a blob.

        :raises BlobMissing: there is no such blob
        """

    @abstractmethod
    def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        """Every blob whose key begins with this text, ordered by key, by code point; ``sha256`` may be left out."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove a blob; there being none is as good."""

    @abstractmethod
    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        """A URL at which anybody can read the blob for so long; None where the store has no such thing.

        :param lifetime: up to 7 days
        """


class PartStore(Protocol):
    """A store that takes large blobs in parts, and keeps the parts of one that is never finished."""

    @abstractmethod
    async def sweep(self, abandoned_after: timedelta) -> int:
        """Remove the parts of every blob of which none has come for so long, and tell of how many blobs.

        :raises Unavailable: the store does not answer
        """
