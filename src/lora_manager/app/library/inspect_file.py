"""Read one file of the library and say what it is."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file import HashObject, Inspected, Inspection
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Library


def inspection_of(file: FoundFile) -> Inspection:
    """An inspection of a file, without the hashes that are taken on request."""
    return Inspection(file.size_bytes)


@dataclass(frozen=True, slots=True)
class InspectFile:
    """Reads a file from end to end: what it is, and its hashes.

    :param new_blake3: makes a running BLAKE3 digest, which the standard library has not
    """

    library: Library
    new_blake3: Callable[[], HashObject]

    def locate(self, path: str) -> str:
        """The path as it is registered.

        :raises InvalidFile: it lies outside the library roots, or is no path
        """
        return self.library.locate(path)

    async def __call__(self, path: str, *, crc32: bool = False, blake3: bool = False) -> tuple[FoundFile, Inspected]:
        """The file as found and what it is, with CRC-32 and BLAKE3 where asked for.

        :raises InvalidFile: it is missing, not readable, outside the library or no LoRA
        """

        def inspection(file: FoundFile) -> Inspection:
            return Inspection(file.size_bytes, crc32=crc32, blake3=self.new_blake3 if blake3 else None)

        async with aclosing(self.library.examine([path], inspection)) as examined:
            async for result in examined:
                if isinstance(result.outcome, InvalidFile):
                    raise result.outcome
                return result.found, result.outcome
        raise AssertionError("examine yields one result for each path")
