"""Hand out a LoRA's file, and the preview beside it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from uuid import UUID

from lora_manager.domain.blob import Span
from lora_manager.domain.errors import InvalidFile, NotFound
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.scan import FoundFile
from lora_manager.domain.sidecar import is_preview
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.library import Library

LIFETIME = timedelta(hours=1)  # of an address that is handed out


class FileGone(NotFound):
    """A registered file is not there any more, or cannot be read."""

    def __init__(self, reason: InvalidFile) -> None:
        super().__init__(f"the adapter's file cannot be read: {reason}")


class PreviewNotFound(NotFound):
    """A LoRA has no preview."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"the adapter {name!r} has no preview: there is no picture or video beside its file, and no preview_url"
        )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A file that is to be had at another address."""

    url: str


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of a library, ready to be read.

    :param found: as it is now
    :param version: another one may stand for other bytes, the same one stands for the same; printable ASCII
    """

    library: Library
    found: FoundFile
    version: str

    @property
    def name(self) -> str:
        """Its name without folders."""
        return PurePath(self.found.path).name

    async def read(self, span: Span) -> AsyncGenerator[bytes, None]:
        """A stretch of its bytes, in chunks.

        :raises FileGone: it is gone or was replaced meanwhile
        """
        try:
            async with aclosing(self.library.read(self.found.path, span)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except InvalidFile as error:
            raise FileGone(error) from error


@dataclass(frozen=True, slots=True)
class OpenFile:
    """Fetch an adapter's file: its bytes where it is local, else an address to fetch it from within the hour."""

    catalog: LoraCatalog
    library: Library

    async def __call__(self, lora_id: UUID) -> OpenedFile | Elsewhere:
        """Open it.

        :raises LoraNotFound: there is no such LoRA, or it was deleted
        :raises FileGone: its file cannot be read
        :raises Unavailable: where it lies does not answer
        """
        lora = await self.catalog.get(lora_id)
        try:
            return await _open(self.library, lora.file_path, lora.file)
        except InvalidFile as error:
            raise FileGone(error) from error


@dataclass(frozen=True, slots=True)
class OpenPreview:
    """Fetch an adapter's preview: the picture or video beside its file, else what its `preview_url` leads to."""

    catalog: LoraCatalog
    library: Library

    async def __call__(self, lora_id: UUID) -> OpenedFile | Elsewhere:
        """Open it.

        :raises LoraNotFound: there is no such LoRA, or it was deleted
        :raises PreviewNotFound: there is none
        :raises Unavailable: where it lies does not answer
        """
        lora = await self.catalog.get(lora_id)
        beside = await self._beside(lora.file_path)
        if beside is not None:
            return beside
        if lora.preview_url is None:
            raise PreviewNotFound(lora.name)
        return Elsewhere(lora.preview_url)

    async def _beside(self, path: str) -> OpenedFile | Elsewhere | None:
        """The first preview beside a file; one that cannot be read is as good as none."""
        try:
            companions = await self.library.companions(path)
            preview = next(filter(is_preview, companions), None)
            return None if preview is None else await _open(self.library, preview)
        except InvalidFile:
            return None


async def _open(library: Library, path: str, record: FileRecord | None = None) -> OpenedFile | Elsewhere:
    found = await library.stat(path)
    url = await library.presign(path, LIFETIME)
    return OpenedFile(library, found, _version(found, record)) if url is None else Elsewhere(url)


def _version(found: FoundFile, record: FileRecord | None) -> str:
    """The SHA-256 where the file is still the one that was read for the record, else its size and time."""
    if record is not None and (record.size_bytes, record.modified_ns) == (found.size_bytes, found.modified_ns):
        return record.hashes.sha256
    return f"{found.size_bytes}-{found.modified_ns}"
