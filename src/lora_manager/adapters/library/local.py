"""LoRA files on local disks."""

import asyncio
import os
import pickle
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from datetime import timedelta
from threading import Event
from typing import TypeVar

from lora_manager.adapters.library.crew import Crew
from lora_manager.adapters.library.errors import translate
from lora_manager.adapters.library.names import refusal_by_name
from lora_manager.adapters.library.opening import Opening
from lora_manager.adapters.library.reading import FileReader, regular_file
from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.adapters.library.walk import companions_beside, walk
from lora_manager.domain.blob import WHOLE, Span
from lora_manager.domain.scan import FoundFile, Refused
from lora_manager.ports.library import Consumer, Examined, Library, Listing, ResultT

WINDOW = 64  # files read ahead of the one that is waited for
MANY = 400  # files that are worth starting processes for: about what one reads in the time it takes to start
BATCH = 16  # files sent to a process at once
ERRANDS = 4  # threads for what is soon done: it must not queue behind files that are read to their end
AHEAD = 16  # batches begun for each process: it must not wait while what was read before is stored

T = TypeVar("T")


class LocalLibrary(Library):
    """Files below library roots, read by threads, or by processes where there are many files.

    :param roots: see :class:`LibraryRoots`
    :param threads: how many files are read at once, 1 or more; None takes one for each processor
    """

    def __init__(self, roots: Sequence[str], threads: int | None = None) -> None:
        self._roots = LibraryRoots(roots)
        self._opening = Opening(self._roots)
        self._reader = FileReader(self._roots)
        self._readers = threads or os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._readers, thread_name_prefix="library")
        self._errands = ThreadPoolExecutor(ERRANDS, thread_name_prefix="library errands")

    @property
    def roots(self) -> tuple[str, ...]:
        """The library roots, absolute."""
        return self._roots.paths

    def close(self) -> None:
        """Stop the threads once they have finished what they read."""
        self._pool.shutdown(cancel_futures=True)
        self._errands.shutdown(cancel_futures=True)

    def locate(self, path: str) -> str:
        return self._roots.locate(path)

    async def stat(self, path: str) -> FoundFile:
        return await asyncio.wrap_future(self._errands.submit(self._stat, path))

    async def list(self, folder: str) -> Listing:
        return await asyncio.wrap_future(self._errands.submit(self._list, folder))

    async def companions(self, path: str) -> Sequence[str]:
        return await asyncio.wrap_future(self._errands.submit(self._companions, path))

    def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        if len(paths) >= MANY and _can_be_sent(open_consumer):
            return self._examine_in_processes(paths, open_consumer)
        stopped = Event()
        examine = self._reader.examine
        jobs = (self._pool.submit(examine, path, open_consumer, stopped.is_set) for path in paths)
        return _in_order(jobs, WINDOW, stopped.set)

    async def read(self, path: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        chunks = self._reader.chunks(path, span)
        reading = self._errands.submit(next, chunks, b"")
        try:
            while chunk := await asyncio.wrap_future(reading):
                yield chunk
                reading = self._errands.submit(next, chunks, b"")
        finally:
            reading.add_done_callback(lambda _: chunks.close())  # not before the thread that reads has let go of it

    async def presign(self, path: str, lifetime: timedelta) -> str | None:
        self.locate(path)
        return None

    async def _examine_in_processes(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        crew = Crew(self._readers, self._roots, open_consumer)
        batches = (paths[start : start + BATCH] for start in range(0, len(paths), BATCH))
        jobs = (self._pool.submit(crew.examine, batch) for batch in batches)
        async with aclosing(_in_order(jobs, AHEAD * self._readers, crew.close)) as batches_read:
            async for batch_read in batches_read:
                for result in batch_read:
                    yield result

    def _stat(self, path: str) -> FoundFile:
        try:
            status = self._opening.status(path)
        except OSError as error:
            raise translate(path, error) from error
        return regular_file(path, status)

    def _list(self, folder: str) -> Listing:
        self._roots.require_inside(folder)
        if os.path.isdir(folder):
            return walk(folder, self._roots)
        refusal = refusal_by_name(folder)
        if refusal is not None:
            return Listing((), [Refused(folder, refusal)])
        companions = companions_beside(folder, self._roots)
        return Listing([self._stat(folder)], (), {folder: companions} if companions else {})

    def _companions(self, path: str) -> Sequence[str]:
        self._roots.require_inside(path)
        return companions_beside(path, self._roots)


def _can_be_sent(open_consumer: object) -> bool:
    """Whether another process could call it."""
    try:
        pickle.dumps(open_consumer)
    except (pickle.PicklingError, AttributeError, TypeError):
        return False
    return True


async def _in_order(jobs: Iterable["Future[T]"], window: int, stop: Callable[[], None]) -> AsyncGenerator[T, None]:
    """The results of jobs in their order; a job begins when it is at most ``window`` ahead of the one waited for."""
    ahead: deque[Future[T]] = deque()
    try:
        for job in jobs:
            ahead.append(job)
            if len(ahead) >= window:
                yield await _result(ahead.popleft())
        while ahead:
            yield await _result(ahead.popleft())
    finally:
        for job in ahead:
            job.cancel()
        stop()


async def _result(future: "Future[T]") -> T:
    """The future's result; one that is done already costs no turn of the event loop."""
    return future.result() if future.done() else await asyncio.wrap_future(future)
