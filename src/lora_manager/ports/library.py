"""Where LoRA files lie."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from lora_manager.domain.blob import WHOLE, Span
from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.scan import FoundFile, Refused

ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)


class Consumer(Protocol[ResultT_co]):
    """Takes in a file's bytes as they are read."""

    @abstractmethod
    def feed(self, chunk: memoryview) -> None:
        """The next bytes, in order; the buffer is reused after the call. An ``InvalidFile`` ends the reading."""

    @abstractmethod
    def finish(self) -> ResultT_co:
        """What came of it, once all bytes were fed."""


@dataclass(frozen=True, slots=True)
class Examined(Generic[ResultT]):
    """A file that was read, or the reason why it could not be or was not worth it."""

    found: FoundFile
    outcome: ResultT | InvalidFile


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder and below it.

    :param files: every safetensors file, ordered by path
    :param refused: those refused unread (pickles, unreadable folders), with the reason, ordered by path
    :param companions: of each of ``files`` that has any, the paths of its sidecars and previews, in the order of
        ``domain.sidecar.SUFFIXES``
    """

    files: Sequence[FoundFile]
    refused: Sequence[Refused] = ()
    companions: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Library(Protocol):
    """Reads files inside the library roots and nothing else.

    A path is inside a root when its real path is: links are followed, and may lead only into a root. A path is
    absolute, or ``s3://bucket/key`` where a root is a bucket. A store that does not answer raises ``Unavailable``.
    """

    @property
    @abstractmethod
    def roots(self) -> tuple[str, ...]:
        """The library roots, absolute or ``s3://bucket/prefix``."""

    @abstractmethod
    def locate(self, path: str) -> str:
        """The path as it is registered: absolute and without ``.`` and ``..``, links in it kept.

        :raises OutsideLibrary: its real path is in no root; the error names the root to add
        :raises InvalidFile: it is no path at all (relative, NUL)
        """

    @abstractmethod
    async def stat(self, path: str) -> FoundFile:
        """Size and modification time of one file.

        :raises FileNotReadable: there is no such regular file, or the system refuses
        :raises OutsideLibrary: see :meth:`locate`
        """

    @abstractmethod
    async def list(self, folder: str) -> Listing:
        """What lies in or below a folder.

        Safetensors files are found; pickles are refused by name; anything else is passed over. A linked folder is
        entered once and only when it leads into a root. A folder that cannot be read is refused, the rest goes on.
        :raises FileNotReadable: the folder itself does not exist or is not readable
        :raises OutsideLibrary: see :meth:`locate`
        """

    @abstractmethod
    async def companions(self, path: str) -> Sequence[str]:
        """One file's sidecars and previews, as :attr:`Listing.companions` has them; the file itself need not exist."""

    @abstractmethod
    def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        """Read each file once from its first byte to its last, several at a time, off the event loop.

        Yields in the order of ``paths``, one for each. Where ``open_consumer`` can be pickled it may be called in
        another process. Nothing but ``InvalidFile`` is an outcome; closing the iterator stops the reading soon.
        """

    @abstractmethod
    def read(self, path: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        """The bytes of any file inside a root, in chunks, off the event loop.

        :raises FileNotReadable: there is no such regular file, the system refuses, or it was replaced meanwhile
        :raises OutsideLibrary: see :meth:`locate`
        """

    @abstractmethod
    async def presign(self, path: str, lifetime: timedelta) -> str | None:
        """A URL at which anybody can read the file for so long; None where only :meth:`read` gives it.

        :raises OutsideLibrary: see :meth:`locate`
        """
