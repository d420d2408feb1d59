"""Reading one file."""

import os
import stat
from collections.abc import Callable, Generator
from io import FileIO
from mmap import mmap
from threading import local

from lora_manager.adapters.library.errors import CHANGED, translate
from lora_manager.adapters.library.names import refusal_by_name
from lora_manager.adapters.library.opening import Opening
from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.domain.blob import Span
from lora_manager.domain.errors import FileNotReadable, InvalidFile
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Consumer, Examined, ResultT

FIRST_READ = 1 << 18  # most headers fit: a refused file costs no more
CHUNK = 1 << 21  # threads hand the interpreter lock over for each: half as much costs a twentieth more


class FileReader:
    """Reads files inside the roots; one buffer for each thread."""

    def __init__(self, roots: LibraryRoots) -> None:
        self._opening = Opening(roots)
        self._of_thread = local()

    def examine(
        self,
        path: str,
        open_consumer: Callable[[FoundFile], Consumer[ResultT]],
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Examined[ResultT]:
        """Feed the file to a consumer; asked to stop, it ends early with whatever that gives."""
        found = FoundFile(path, 0, None)
        try:
            refusal = refusal_by_name(path)
            if refusal is not None:
                raise FileNotReadable(path, refusal)
            with self._opening.file(path) as file:
                found = regular_file(path, os.fstat(file.fileno()))
                consumer = open_consumer(found)
                self._feed(file, found.size_bytes, consumer, is_stopped)
                if regular_file(path, os.fstat(file.fileno())) != found:
                    raise FileNotReadable(path, CHANGED)
                return Examined(found, consumer.finish())
        except OSError as error:
            return Examined(found, translate(path, error))
        except InvalidFile as error:
            return Examined(found, error)

    def chunks(self, path: str, span: Span) -> Generator[bytes, None, None]:
        """The bytes of any file, each chunk read when it is asked for.

        :raises FileNotReadable: it is no regular file, the system refuses, or it is not the same file to the end
        :raises OutsideLibrary: it lies outside the roots
        """
        try:
            with self._opening.file(path) as file:
                opened = os.fstat(file.fileno())
                size = regular_file(path, opened).size_bytes
                left = (size if span.end is None else min(span.end, size)) - span.begin
                file.seek(span.begin)
                while left > 0:
                    chunk = file.read(min(left, CHUNK))
                    # By its path: one that another file was put in the place of stays as it was, for those who have it.
                    if _identity(os.stat(path)) != _identity(opened) or not chunk:
                        raise FileNotReadable(path, CHANGED)
                    yield chunk
                    left -= len(chunk)
        except OSError as error:
            raise translate(path, error) from error

    def _feed(self, file: FileIO, size: int, consumer: Consumer[ResultT], is_stopped: Callable[[], bool]) -> None:
        buffer: memoryview | None = getattr(self._of_thread, "buffer", None)
        if buffer is None:
            # From a page's first byte on, as the system keeps the file: from a few bytes later, where a bytearray may
            # begin, processors that take the two for one place (AMD Zen 4) copy at a third of the speed.
            buffer = self._of_thread.buffer = memoryview(mmap(-1, CHUNK))
        window = buffer[:FIRST_READ]
        left = size
        # Never beyond the size it was opened with: a file that is written to as fast as it is read would have no end.
        while left and not is_stopped() and (count := file.readinto(window[:left])):
            consumer.feed(window[:count])
            left -= count
            window = buffer


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def regular_file(path: str, status: os.stat_result) -> FoundFile:
    """The file as the system tells of it.

    :raises FileNotReadable: it is a folder, a pipe or a device
    """
    if not stat.S_ISREG(status.st_mode):
        raise FileNotReadable(path, "not a regular file")
    return FoundFile(path, status.st_size, status.st_mtime_ns)
