"""LoRA files on local disks."""

import asyncio
import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from threading import Event, local

from lora_manager.adapters.blobs.errors import translate
from lora_manager.adapters.blobs.roots import LibraryRoots
from lora_manager.adapters.blobs.walk import refusal_by_name, walk
from lora_manager.domain.errors import FileNotReadable, InvalidFile
from lora_manager.domain.scan import FoundFile, Refused
from lora_manager.ports.blob_store import BlobStore, Consumer, Examined, ResultT

FIRST_READ = 1 << 18  # most headers fit: a refused file costs no more
CHUNK = 1 << 20
WINDOW = 64  # files read ahead of the one that is waited for
_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no further link; a pipe must not block


class LocalBlobStore(BlobStore):
    """Files below library roots, read by a pool of threads (hashing and reading let go of the interpreter lock).

    :param roots: see :class:`LibraryRoots`
    :param threads: how many files are read at once, 1 or more; None takes one for each processor
    """

    def __init__(self, roots: Sequence[str], threads: int | None = None) -> None:
        self._roots = LibraryRoots(roots)
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="blobs")
        self._of_thread = local()

    @property
    def roots(self) -> tuple[str, ...]:
        """The library roots, absolute."""
        return self._roots.paths

    def close(self) -> None:
        """Stop the threads once they have finished what they read."""
        self._pool.shutdown(cancel_futures=True)

    def locate(self, path: str) -> str:
        return self._roots.locate(path)

    async def stat(self, path: str) -> FoundFile:
        return await asyncio.wrap_future(self._pool.submit(self._stat, path))

    async def list(self, folder: str) -> tuple[Sequence[FoundFile], Sequence[Refused]]:
        return await asyncio.wrap_future(self._pool.submit(self._list, folder))

    async def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        stopped = Event()
        ahead: deque[Future[Examined[ResultT]]] = deque()
        try:
            for path in paths:
                ahead.append(self._pool.submit(self._examine, path, open_consumer, stopped))
                if len(ahead) >= WINDOW:
                    yield await _result(ahead.popleft())
            while ahead:
                yield await _result(ahead.popleft())
        finally:
            stopped.set()
            for future in ahead:
                future.cancel()

    def _stat(self, path: str) -> FoundFile:
        self._roots.require_inside(path)
        try:
            status = os.stat(path)
        except OSError as error:
            raise translate(path, error) from error
        if not stat.S_ISREG(status.st_mode):
            raise FileNotReadable(path, "not a regular file")
        return FoundFile(path, status.st_size, status.st_mtime_ns)

    def _list(self, folder: str) -> tuple[Sequence[FoundFile], Sequence[Refused]]:
        self._roots.require_inside(folder)
        if not os.path.isdir(folder):
            refusal = refusal_by_name(folder)
            return ([], [Refused(folder, refusal)]) if refusal else ([self._stat(folder)], [])
        found: list[FoundFile] = []
        refused: list[Refused] = []
        for item in walk(folder, self._roots):
            if isinstance(item, FoundFile):
                found.append(item)
            else:
                refused.append(item)
        return sorted(found, key=_path_of), sorted(refused, key=_path_of)

    def _examine(
        self, path: str, open_consumer: Callable[[FoundFile], Consumer[ResultT]], stopped: Event
    ) -> Examined[ResultT]:
        found = FoundFile(path, 0, None)
        try:
            with self._open(path) as file:
                found = _stat_open(path, file)
                consumer = open_consumer(found)
                self._feed(file, found.size_bytes, consumer, stopped)
                if _stat_open(path, file) != found:
                    raise FileNotReadable(path, "it changed while it was read; try again when nothing writes to it")
                return Examined(found, consumer.finish())
        except OSError as error:
            return Examined(found, translate(path, error))
        except InvalidFile as error:
            return Examined(found, error)

    def _open(self, path: str) -> FileIO:
        """Open the file whose real path was checked: a link is followed once, before the check, never after it."""
        refusal = refusal_by_name(path)
        if refusal is not None:
            raise FileNotReadable(path, refusal)
        return FileIO(self._roots.require_inside(path), opener=_open_as_it_is)

    def _feed(self, file: FileIO, size: int, consumer: Consumer[ResultT], stopped: Event) -> None:
        buffer: memoryview | None = getattr(self._of_thread, "buffer", None)
        if buffer is None:
            buffer = self._of_thread.buffer = memoryview(bytearray(CHUNK))
        window = buffer[:FIRST_READ]
        left = size
        # Never beyond the size it was opened with: a file that is written to as fast as it is read would have no end.
        while left and not stopped.is_set() and (count := file.readinto(window[:left])):
            consumer.feed(window[:count])
            left -= count
            window = buffer


def _path_of(item: FoundFile | Refused) -> str:
    return item.path


def _open_as_it_is(path: str, flags: int) -> int:
    return os.open(path, flags | _AS_IT_IS)


def _stat_open(path: str, file: FileIO) -> FoundFile:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FileNotReadable(path, "not a regular file")
    return FoundFile(path, status.st_size, status.st_mtime_ns)


async def _result(future: "Future[Examined[ResultT]]") -> Examined[ResultT]:
    """The future's result; one that is done already costs no turn of the event loop."""
    return future.result() if future.done() else await asyncio.wrap_future(future)
