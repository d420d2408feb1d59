"""Everything a LoRA file tells, from one reading of its bytes."""

from collections.abc import Callable

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file.base_model import guess
from lora_manager.domain.file.digests import Digester, HashObject
from lora_manager.domain.file.embedded import read_embedded, trigger_candidates
from lora_manager.domain.file.facts import Embedded, Network
from lora_manager.domain.file.inspected import BaseModelGuess, Inspected
from lora_manager.domain.file.network import describe
from lora_manager.domain.file.safetensors import LENGTH_BYTES, header_length, parse_header
from lora_manager.domain.file.safetensors_errors import FileTooShort
from lora_manager.domain.file.survey import survey


class FileChangedWhileReading(InvalidFile):
    """Reading gave another number of bytes than the file had when it was opened."""

    def __init__(self, expected: int, received: int) -> None:
        self.expected = expected
        self.received = received
        super().__init__(
            f"the file had {expected} bytes, reading it gave {received}; it is being written: try again later"
        )


class Inspection:
    """Takes in a file's bytes in order and tells what it is; a file that is no LoRA costs its header only.

    :param file_size: in bytes, as the file system says
    :param crc32: whether to compute the CRC-32 as well
    :param blake3: makes a running BLAKE3 digest; None leaves it out
    """

    def __init__(self, file_size: int, *, crc32: bool = False, blake3: Callable[[], HashObject] | None = None) -> None:
        self._file_size = file_size
        self._crc32 = crc32
        self._blake3 = blake3
        self._received = 0
        self._head = bytearray()
        self._head_size = min(LENGTH_BYTES, file_size)  # first the header's length, then the header
        self._read: tuple[Digester, Network, BaseModelGuess, Embedded] | None = None

    @property
    def kept(self) -> int:
        """How many bytes are kept: those of the header that have come, until it is judged."""
        return len(self._head)

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take in the next bytes, in order; nothing but the header is kept of them.

        :raises InvalidSafetensors: the header lies
        :raises NotALora: the tensors are something else
        """
        self._received += len(chunk)
        rest = memoryview(chunk)
        while self._read is None and rest:
            missing = self._head_size - len(self._head)
            self._head += rest[:missing]
            rest = rest[missing:]
            if len(self._head) == self._head_size:
                self._read_head()
        if self._read is not None:
            self._read[0].update(rest)

    def finish(self) -> Inspected:
        """What the file is.

        :raises FileChangedWhileReading: more or fewer bytes came than the file should have
        :raises FileTooShort: the file is empty
        """
        if self._received != self._file_size:
            raise FileChangedWhileReading(self._file_size, self._received)
        if self._read is None:
            raise FileTooShort(self._file_size)
        digester, network, base_model, embedded = self._read
        return Inspected(
            size_bytes=self._file_size,
            hashes=digester.finish(),
            network=network,
            base_model=base_model,
            embedded=embedded,
            trigger_candidates=trigger_candidates(embedded),
        )

    def _read_head(self) -> None:
        if self._head_size <= LENGTH_BYTES:
            self._head_size = LENGTH_BYTES + header_length(bytes(self._head), self._file_size)
            return
        header = parse_header(bytes(self._head[LENGTH_BYTES:]), self._file_size)
        found = survey(header)
        digester = Digester(header.end, crc32=self._crc32, blake3=self._blake3)
        digester.update(memoryview(self._head))
        self._read = digester, describe(found), guess(found), read_embedded(header.metadata)
        self._head = bytearray()
