"""The digests by which sites and runtimes name a file, all in one pass over its bytes."""

import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from lora_manager.domain.file.facts import Hashes

# Source: kohya sd-scripts library/train_util.py, model_hash: 64 KiB at offset 1 MiB; a shorter file hashes nothing.
AUTOV1_BEGIN = 0x100000
AUTOV1_END = AUTOV1_BEGIN + 0x10000


class HashObject(Protocol):
    """A running digest, as hashlib and blake3 make them."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take in more bytes."""

    def hexdigest(self) -> str:
        """The digest so far, lower-case hexadecimal."""


class Digester:
    """Takes in a file's bytes in order, in pieces of any size, and gives its digests.

    :param header_end: where the tensors' bytes begin, counted from the start of the file
    :param crc32: whether to compute the CRC-32 as well
    :param blake3: makes a running BLAKE3 digest; None leaves it out
    """

    def __init__(self, header_end: int, *, crc32: bool = False, blake3: Callable[[], HashObject] | None = None) -> None:
        self._header_end = header_end
        self._position = 0
        self._whole = hashlib.sha256()
        self._autov1 = hashlib.sha256()
        self._data = hashlib.sha256()
        self._crc32 = 0 if crc32 else None
        self._blake3 = blake3() if blake3 is not None else None

    def update(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes; nothing of the chunk is kept."""
        begin = self._position
        self._position = end = begin + len(chunk)
        view = memoryview(chunk)
        self._whole.update(view)
        if end > self._header_end:
            self._data.update(view[max(self._header_end - begin, 0) :])
        if begin < AUTOV1_END and end > AUTOV1_BEGIN:
            self._autov1.update(view[max(AUTOV1_BEGIN - begin, 0) : AUTOV1_END - begin])
        if self._crc32 is not None:
            self._crc32 = zlib.crc32(view, self._crc32)
        if self._blake3 is not None:
            self._blake3.update(view)

    def finish(self) -> Hashes:
        """The digests of everything taken in."""
        sha256 = self._whole.hexdigest()
        return Hashes(
            sha256=sha256,
            autov1=self._autov1.hexdigest()[:8],
            autov2=sha256[:10],
            autov3=self._data.hexdigest()[:12],
            crc32=None if self._crc32 is None else f"{self._crc32:08x}",
            blake3=None if self._blake3 is None else self._blake3.hexdigest(),
        )
