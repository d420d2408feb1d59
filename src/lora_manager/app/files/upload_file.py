"""Take in a LoRA file that a client sends."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from lora_manager.app.files.copying import stored, stored_sha256
from lora_manager.domain.blob import BlobChanged, Over, check_key
from lora_manager.domain.errors import Conflict, InvalidField, InvalidFields
from lora_manager.domain.file import Inspected, Inspection
from lora_manager.domain.file.record import SAFETENSORS_SUFFIXES
from lora_manager.ports.blob_store import BlobStore

_LARGE_HEADER = 4 * 2**20  # bytes; those of LoRAs are below 2 MB


class FileNameTaken(Conflict):
    """Another file was uploaded under this name before."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        super().__init__(f"there is another file named {filename!r} already; send this one under another name")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was taken in.

    :param file_path: what to register it under: an absolute path, or ``s3://bucket/key``
    """

    file_path: str
    inspected: Inspected


@dataclass(frozen=True, slots=True)
class UploadFile:
    """Take in a LoRA file, judging it on its way into the store. What is no LoRA leaves nothing behind.

    Sending the same file once more gives the same answer, so that a client that saw none may repeat itself.
    """

    store: BlobStore
    # A header may have 100 MB, and be made to take several times that while it is judged: large ones take turns.
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False, compare=False)

    async def __call__(self, filename: str, content: AsyncIterable[bytes], size_bytes: int) -> Upload:
        """Store it and tell what it is.

        :param filename: one name, without folders, ending in .safetensors or .sft
        :param size_bytes: how long ``content`` will be
        :raises InvalidFields: no such file name can be stored
        :raises InvalidFile: it is no LoRA, or not as long as announced
        :raises FileNameTaken: another file of this name is there
        :raises Unavailable: the store does not take it now
        """
        key = _key(filename)
        passing = _Passing(Inspection(size_bytes), self._turns)
        there = await stored(self.store, key)
        if there is None:
            try:
                blob = await self.store.put(key, passing.through(content), replacing=Over.NOTHING)
            except BlobChanged:
                there = await self.store.stat(key)  # somebody was faster
            else:
                return Upload(blob.uri, passing.inspected)
        elif there.size_bytes != size_bytes:
            raise FileNameTaken(filename)
        else:
            async for _ in passing.through(content):
                pass  # only to see whether it is the one that is there
        if await stored_sha256(self.store, there) != passing.inspected.hashes.sha256:
            raise FileNameTaken(filename)
        return Upload(there.uri, passing.inspected)


class _Passing:
    """Bytes that are inspected as they pass.

    :param turns: taken while a large header grows or is judged, never while the client is waited for
    """

    def __init__(self, inspection: Inspection, turns: asyncio.Lock) -> None:
        self._inspection = inspection
        self._turns = turns
        self.inspected: Inspected

    async def through(self, content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The same chunks; ends in the error that the inspection comes to, before the store has seen the end."""
        async for chunk in content:
            is_large = self._inspection.kept + len(chunk) > _LARGE_HEADER
            async with self._turns if is_large else nullcontext():
                await asyncio.to_thread(self._inspection.feed, chunk)
            yield chunk
        self.inspected = self._inspection.finish()


def _key(filename: str) -> str:
    problem = None
    if "/" in filename or "\\" in filename:
        problem = "must be a name without folders"
    elif filename.startswith(".") or not filename.lower().endswith(SAFETENSORS_SUFFIXES):
        problem = f"must end in {' or '.join(SAFETENSORS_SUFFIXES)}, and not begin with a dot"
    if problem is not None:
        raise InvalidFields([InvalidField("filename", problem)])
    return check_key(filename)
