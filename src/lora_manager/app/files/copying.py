"""Copying files into a store, several at once, leaving out what is there."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from lora_manager.app.at_once import at_once
from lora_manager.domain.blob import Blob, BlobChanged, BlobMissing, Corrupted, InvalidKey, Over, Replacing
from lora_manager.domain.errors import InvalidFile, InvalidInput
from lora_manager.domain.media_types import media_type_of
from lora_manager.domain.scan import Progress
from lora_manager.ports.blob_store import BlobStore

AT_ONCE = 8  # files under way together

OnProgress = Callable[[Progress], None]
Read = Callable[[], AsyncGenerator[bytes, None]]


class NoBucket(InvalidInput):
    """Files were to be copied to or from a bucket, and none is named."""

    def __init__(self) -> None:
        super().__init__("S3_BUCKET names no bucket; set it to copy files to one or from one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file to copy.

    :param key: where it goes in the target
    :param place: where it is, for messages
    :param sha256: tells its digest where that is at hand or worth knowing beforehand, else None
    """

    key: str
    place: str
    size_bytes: int
    read: Read
    sha256: Callable[[], Awaitable[str | None]]


@dataclass(slots=True)
class CopyReport:
    """What became of the files, by the place they were at.

    :param copied: or to be copied, where it was a dry run
    :param present: were there already, byte for byte
    :param different: something else is there, which was left as it is
    :param failed: with the reason
    """

    copied: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    copied_bytes: int = 0


async def sha256_of(chunks: AsyncGenerator[bytes, None]) -> str:
    """The digest of a file as it is read, 64 lower-case hex digits."""
    digest = hashlib.sha256()
    async with aclosing(chunks):
        async for chunk in chunks:
            await asyncio.to_thread(digest.update, chunk)
    return digest.hexdigest()


async def stored(store: BlobStore, key: str) -> Blob | None:
    """What is stored under a key; None where nothing is."""
    try:
        return await store.stat(key)
    except BlobMissing:
        return None


async def stored_sha256(store: BlobStore, blob: Blob) -> str:
    """The digest of a stored blob; where the store does not know it, the blob is read."""
    known = blob.sha256 or (await store.stat(blob.key)).sha256
    return known or await sha256_of(store.read(blob.key, version=blob.version))


class Copying:
    """One run of copying.

    :param target: where to
    :param there: what is in the target already, by key
    :param overwrite: whether a file that differs is replaced
    :param dry_run: tell what would be done, and do nothing
    """

    def __init__(
        self,
        target: BlobStore,
        there: dict[str, Blob],
        on_progress: OnProgress,
        *,
        overwrite: bool,
        dry_run: bool,
    ) -> None:
        self._target = target
        self._there = there
        self._on_progress = on_progress
        self._overwrite = overwrite
        self._dry_run = dry_run
        self._files_total = self._bytes_total = self._files_done = self._bytes_done = 0
        self.report = CopyReport()

    async def run(self, items: Sequence[Item]) -> CopyReport:
        """Copy what is missing; what was copied is kept when it is interrupted.

        :raises Unavailable: the target, or where the files are, does not answer
        """
        self._files_total, self._bytes_total = len(items), sum(item.size_bytes for item in items)
        self._tell()
        await at_once(AT_ONCE, items, self._work)
        return self.report

    async def _work(self, item: Item) -> None:
        try:
            await self._take(item)
        except BlobChanged:
            self.report.different.append(item.place)
        except (InvalidFile, InvalidKey, Corrupted) as error:
            self.report.failed.append((item.place, str(error)))
        self._files_done += 1
        self._tell()

    async def _take(self, item: Item) -> None:
        there = self._there.get(item.key)
        replacing: Replacing = Over.NOTHING
        if there is not None:
            if await self._is_same(item, there):
                self.report.present.append(item.place)
                self._bytes_done += item.size_bytes
                return
            if not self._overwrite:
                self.report.different.append(item.place)
                self._bytes_done += item.size_bytes
                return
            replacing = there.version
        if not self._dry_run:
            await self._target.put(
                item.key,
                self._counted(item.read()),
                media_type=media_type_of(item.key),
                replacing=replacing,
                sha256=await item.sha256(),
            )
            self.report.copied_bytes += item.size_bytes
        self.report.copied.append(item.place)

    async def _is_same(self, item: Item, there: Blob) -> bool:
        if item.size_bytes != there.size_bytes:
            return False
        here = await item.sha256() or await sha256_of(item.read())
        return here == await stored_sha256(self._target, there)

    async def _counted(self, chunks: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
                self._bytes_done += len(chunk)
                self._tell()

    def _tell(self) -> None:
        self._on_progress(Progress(self._files_done, self._files_total, self._bytes_done, self._bytes_total))
