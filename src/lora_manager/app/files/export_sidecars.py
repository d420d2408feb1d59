"""Write what the registry knows into the sidecars of other tools."""

import re
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import count
from posixpath import splitext
from uuid import UUID

from lora_manager.app.all_loras import chosen_loras
from lora_manager.app.at_once import at_once
from lora_manager.app.files.copying import sha256_of, stored, stored_sha256
from lora_manager.domain.blob import Blob, Over, Span
from lora_manager.domain.errors import Conflict, Failure, InvalidInput
from lora_manager.domain.lora import Lora
from lora_manager.domain.media_types import media_type_of
from lora_manager.domain.sidecar import MAX_BYTES, NothingToSay, SidecarFormat, is_preview, write_sidecar
from lora_manager.ports.blob_store import BlobStore, in_one_chunk
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.library import Library

AT_ONCE = 8  # LoRAs under way together
_ENOUGH = Span(0, MAX_BYTES + 1)  # to see that a sidecar is too large

OnExported = Callable[[int, int], None]
"""Called with how many LoRAs are done, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSidecarsCommand:
    """What to write, and where.

    :param lora_ids: these LoRAs; none means all
    :param to: a folder that gets the folders of the library, with previews; None writes beside the LoRA files
    :param overwrite: update the sidecars that are there; what is not ours in them stays
    :param dry_run: tell what would be written, and write nothing
    """

    lora_ids: tuple[UUID, ...] = ()
    formats: tuple[SidecarFormat, ...] = tuple(SidecarFormat)
    to: str | None = None
    overwrite: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class ExportReport:
    """What became of the files, by their paths.

    :param written: or to be written, where it was a dry run
    :param kept: were there already and are as they were
    :param unknown: how many LoRAs got no ``.civitai.info``, because CivitAI is not known to have them
    :param failed: with the reason
    """

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    unknown: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


class NoPlaceBeside(InvalidInput):
    """Sidecars cannot be written beside a LoRA file."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"{path} lies in no folder that can be written to; export to a folder of its own (--to)")


class PlaceTaken(Conflict):
    """Two LoRAs would have the same sidecars."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        super().__init__(f"the sidecars of another LoRA go to {stem}.*; export the two to different folders")


@dataclass(frozen=True, slots=True)
class ExportSidecars:
    """Write sidecars for other tools, beside the LoRA files or into another folder.

    A file that is there is left alone unless told otherwise. What was written is kept when it is interrupted.

    :param open_folder: makes a store of a folder
    """

    catalog: LoraCatalog
    library: Library
    open_folder: Callable[[str], BlobStore]

    async def __call__(
        self, command: ExportSidecarsCommand, on_progress: OnExported = lambda _done, _all: None
    ) -> ExportReport:
        """Write them and report; what fails for one file is reported, and the rest goes on.

        :raises LoraNotFound: one of the LoRAs does not exist or was deleted
        """
        return await _Run(self, command).export(await chosen_loras(self.catalog, command.lora_ids), on_progress)


class _Run:
    """One export at work."""

    def __init__(self, use: ExportSidecars, command: ExportSidecarsCommand) -> None:
        self._library = use.library
        self._open_folder = use.open_folder
        self._command = command
        self._stores: dict[str, BlobStore] = {}
        self._taken: set[str] = set()
        self._report = ExportReport()

    async def export(self, loras: Sequence[Lora], on_progress: OnExported) -> ExportReport:
        on_progress(0, len(loras))
        finished = count(1)

        async def work(lora: Lora) -> None:
            await self._trying(lora.file_path, self._export(lora))
            on_progress(next(finished), len(loras))

        await at_once(AT_ONCE, loras, work)
        return self._report

    async def _trying(self, path: str, work: Awaitable[None]) -> None:
        try:
            await work
        except NothingToSay:
            self._report.unknown += 1
        except Failure as error:
            self._report.failed.append((path, str(error)))

    async def _export(self, lora: Lora) -> None:
        store, stem = await self._place_of(lora.file_path)
        place = store.root + stem
        if place in self._taken:
            raise PlaceTaken(place)
        self._taken.add(place)
        for sidecar_format in self._command.formats:
            suffix = sidecar_format.suffix
            await self._trying(place + suffix, self._write_sidecar(sidecar_format, lora, store, stem + suffix))
        if self._command.to is not None:
            for path in filter(is_preview, await self._library.companions(lora.file_path)):
                suffix = path[len(splitext(lora.file_path)[0]) :]
                await self._trying(place + suffix, self._copy_preview(path, store, stem + suffix))

    async def _place_of(self, path: str) -> tuple[BlobStore, str]:
        """Where a LoRA's sidecars go: a store, and what their keys in it begin with."""
        roots = [root for root in map(_with_separator, self._library.roots) if path.startswith(root)]
        root = max(roots, key=len, default=None)
        stem = splitext(path)[0]
        if self._command.to is not None:
            below = stem.removeprefix(root) if root is not None else _file_name(stem)
            return self._store_of(self._command.to), below.replace(_separator(path), "/")
        if root is None or path.startswith("s3://"):
            raise NoPlaceBeside(path)
        await self._library.stat(path)  # where no file is, no sidecar is of use, nor a folder for it
        return self._store_of(root), stem.removeprefix(root).replace(_separator(path), "/")

    def _store_of(self, folder: str) -> BlobStore:
        if folder not in self._stores:
            self._stores[folder] = self._open_folder(folder)
        return self._stores[folder]

    async def _write_sidecar(self, sidecar_format: SidecarFormat, lora: Lora, store: BlobStore, key: str) -> None:
        there = await stored(store, key)
        if there is not None and not self._command.overwrite:
            self._report.kept.append(there.uri)
            return
        existing = None
        if there is not None:
            async with aclosing(store.read(key, _ENOUGH, version=there.version)) as chunks:
                existing = b"".join([chunk async for chunk in chunks])
        content = write_sidecar(sidecar_format, lora, existing)
        if there is not None and content == existing:
            self._report.kept.append(there.uri)
        else:
            await self._put(store, key, in_one_chunk(content), there)

    async def _copy_preview(self, path: str, store: BlobStore, key: str) -> None:
        there = await stored(store, key)
        if there is not None and (not self._command.overwrite or await self._is_same(path, store, there)):
            self._report.kept.append(there.uri)
        else:
            await self._put(store, key, self._library.read(path), there)

    async def _is_same(self, path: str, store: BlobStore, there: Blob) -> bool:
        return await sha256_of(self._library.read(path)) == await stored_sha256(store, there)

    async def _put(self, store: BlobStore, key: str, content: AsyncIterable[bytes], there: Blob | None) -> None:
        """Write a file, over the one that was seen there or over none."""
        if not self._command.dry_run:
            replacing = Over.NOTHING if there is None else there.version
            await store.put(key, content, media_type=media_type_of(key), replacing=replacing)
        self._report.written.append(store.root + key)


def _separator(path: str) -> str:
    return "\\" if re.match(r"[A-Za-z]:\\|\\\\", path) else "/"


def _with_separator(root: str) -> str:
    return root.rstrip(_separator(root)) + _separator(root)


def _file_name(path: str) -> str:
    return path.rpartition(_separator(path))[2]
