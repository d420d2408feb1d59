"""Reading the sidecars of library files."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from lora_manager.app.at_once import at_once
from lora_manager.domain.blob import Span
from lora_manager.domain.errors import Failure
from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.sidecar import MAX_BYTES, Told, is_preview, read_sidecars
from lora_manager.ports.library import Library

AT_ONCE = 16  # files whose sidecars are read together
_ENOUGH = Span(0, MAX_BYTES + 1)  # to see that a sidecar is too large


class Sidecars:
    """The sidecars that lie beside the files of one scan."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._paths: dict[str, Sequence[str]] = {}

    def add(self, companions: Mapping[str, Sequence[str]]) -> None:
        """Note what lies beside files, as ``Listing.companions`` has it."""
        for path, beside in companions.items():
            if sidecars := [companion for companion in beside if not is_preview(companion)]:
                self._paths[path] = sidecars

    def lie_beside(self, path: str) -> bool:
        """Whether this file has any."""
        return path in self._paths

    async def read(self, files: Mapping[str, Hashes]) -> Mapping[str, Told]:
        """What the sidecars of files say; one that cannot be read is named among the problems.

        :param files: by path; those without sidecars are left out of the answer
        """
        told: dict[str, Told] = {}

        async def work(path: str) -> None:
            told[path] = await self._read(path, files[path])

        await at_once(AT_ONCE, [path for path in files if path in self._paths], work)
        return told

    async def _read(self, path: str, hashes: Hashes) -> Told:
        contents: dict[str, bytes] = {}
        problems = []
        for sidecar in self._paths[path]:
            try:
                contents[_file_name(sidecar)] = await self._content(sidecar)
            except Failure as error:
                problems.append(f"the sidecar was not read: {error}")
        told = await asyncio.to_thread(read_sidecars, contents, hashes)
        return replace(told, problems=(*problems, *told.problems))

    async def _content(self, path: str) -> bytes:
        async with aclosing(self._library.read(path, _ENOUGH)) as chunks:
            return b"".join([chunk async for chunk in chunks])


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
