"""Copy the files of the local library into a bucket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from lora_manager.app.files.copying import Copying, CopyReport, Item, NoBucket, OnProgress, sha256_of
from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.library import Library

_HASHED_FIRST = 8_000_000  # bytes: what goes in several parts has to have its digest told before


@dataclass(frozen=True, slots=True, kw_only=True)
class PushFilesCommand:
    """What to copy.

    :param folders: inside the library roots; a key is the path below the root
    :param overwrite: whether a file in the bucket that differs is replaced
    :param dry_run: tell what would be done, and do nothing
    """

    folders: tuple[str, ...]
    overwrite: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PushFiles:
    """Copy LoRA files, with the sidecars and previews beside them, from the local library into the bucket.

    What is there already, byte for byte, is left out; so an interrupted run goes on where it stopped.
    """

    library: Library
    bucket: BlobStore | None

    async def __call__(self, command: PushFilesCommand, on_progress: OnProgress = lambda _: None) -> CopyReport:
        """Copy and report.

        :raises FileNotReadable: a folder does not exist or is not readable
        :raises OutsideLibrary: a folder lies in no library root
        :raises NoBucket: no bucket is named
        :raises Unavailable: the bucket does not answer; what was copied is kept
        """
        if self.bucket is None:
            raise NoBucket
        items: dict[str, Item] = {}
        failed: list[tuple[str, str]] = []
        for folder in command.folders:
            located = self.library.locate(folder)
            root = self._root_of(located)
            listing = await self.library.list(located)
            companions = [path for paths in listing.companions.values() for path in paths]
            found = [*listing.files, *[file async for file in self._stats(companions, failed)]]
            items |= {item.place: item for item in self._items(found, root)}
        async with aclosing(self.bucket.list()) as blobs:
            there = {blob.key: blob async for blob in blobs}
        copying = Copying(self.bucket, there, on_progress, overwrite=command.overwrite, dry_run=command.dry_run)
        copying.report.failed += failed
        return await copying.run(list(items.values()))

    def _root_of(self, path: str) -> str:
        return max((root for root in self.library.roots if _is_below(path, root)), key=len)

    async def _stats(self, paths: Sequence[str], failed: list[tuple[str, str]]) -> AsyncIterator[FoundFile]:
        for path in paths:
            try:
                yield await self.library.stat(path)
            except InvalidFile as error:
                failed.append((path, str(error)))

    def _items(self, files: Sequence[FoundFile], root: str) -> list[Item]:
        return [self._item(file, file.path[len(root) :].replace("\\", "/").lstrip("/")) for file in files]

    def _item(self, file: FoundFile, key: str) -> Item:
        async def digest() -> str | None:
            return await sha256_of(self.library.read(file.path)) if file.size_bytes > _HASHED_FIRST else None

        return Item(
            key=key,
            place=file.path,
            size_bytes=file.size_bytes,
            read=lambda: self.library.read(file.path),
            sha256=digest,
        )


def _is_below(path: str, root: str) -> bool:
    folder = root.rstrip("/\\")
    return path.startswith(folder) and path[len(folder) : len(folder) + 1] in {"", "/", "\\"}
