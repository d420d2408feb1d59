"""Processes that read files.

Threads read large files as fast as the disk gives them, because hashing lets go of the interpreter lock. Of a small
file, judging the header is most of the work, and that holds the lock: many small files need processes.

A process ends when its input does, so none outlives the one that started it, however that ends.
"""

import gc
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import IO, Generic

from lora_manager.adapters.library.reading import FileReader
from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Consumer, Examined, ResultT

OpenConsumer = Callable[[FoundFile], Consumer[ResultT]]
_LENGTH_BYTES = 4
_logger = logging.getLogger(__name__)


class Crew(Generic[ResultT]):
    """So many processes, started when they are first needed.

    Args:
        size: how many, and how many threads may call :meth:`examine` at once.
        open_consumer: called in the processes, so it has to be picklable.
    """

    def __init__(self, size: int, roots: LibraryRoots, open_consumer: OpenConsumer[ResultT]) -> None:
        self._reader = FileReader(roots)
        self._open_consumer = open_consumer
        self._order = pickle.dumps((roots, open_consumer))
        self._idle: SimpleQueue[_Process[ResultT] | None] = SimpleQueue()
        self._started: list[_Process[ResultT]] = []
        self._failed = False
        self._closed = False
        for _ in range(size):
            self._idle.put(None)

    @property
    def processes(self) -> tuple[int, ...]:
        """The ids of the processes that were started."""
        return tuple(process.id for process in self._started)

    def examine(self, paths: Sequence[str]) -> list[Examined[ResultT]]:
        """Read the files in one of the processes, or here once a process failed."""
        process = self._idle.get()
        try:
            if not self._failed:
                process = process or self._start()
                return process.examine(paths)
        except (OSError, EOFError) as error:
            if self._closed:
                return []  # nobody waits for them any more
            self._failed = True
            _logger.warning("a process that reads files ended (%r); going on without, which takes longer", error)
        finally:
            self._idle.put(process)
        return [self._reader.examine(path, self._open_consumer) for path in paths]

    def close(self) -> None:
        """End the processes; what they still read is lost."""
        self._closed = True
        for process in self._started:
            process.close()

    def _start(self) -> "_Process[ResultT]":
        process = _Process[ResultT](self._order)
        self._started.append(process)
        return process


class _Process(Generic[ResultT]):
    """One process, seen from the one that started it."""

    def __init__(self, order: bytes) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own module, by name
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0 if sys.platform != "win32" else None,  # Ctrl-C is for the process that started it
        )
        self._send(order)

    @property
    def id(self) -> int:
        """The process id."""
        return self._process.pid

    def examine(self, paths: Sequence[str]) -> list[Examined[ResultT]]:
        """Have the files read.

        Raises:
            EOFError: the process ended meanwhile.
        """
        self._send(pickle.dumps(paths))
        assert self._process.stdout is not None  # noqa: S101  # a pipe was asked for
        examined: list[Examined[ResultT]] | Exception = pickle.loads(_receive(self._process.stdout))  # noqa: S301  # ours
        if isinstance(examined, Exception):
            raise examined
        return examined

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _send(self, message: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  # a pipe was asked for
        _send(self._process.stdin, message)


def _send(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little") + message)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    head = stream.read(_LENGTH_BYTES)
    length = int.from_bytes(head, "little")
    message = stream.read(length)
    if len(head) < _LENGTH_BYTES or len(message) < length:
        raise EOFError
    return message


def main() -> None:
    """Read what the process that started this one names, until it ends."""
    gc.set_threshold(100_000)  # judging a header makes thousands of values and no cycle: looking for one costs a tenth
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    roots, open_consumer = pickle.loads(_receive(source))  # noqa: S301  # from the process that started this one
    reader = FileReader(roots)
    while True:
        try:
            paths = pickle.loads(_receive(source))  # noqa: S301  # the same
        except EOFError:
            return
        try:
            answer = pickle.dumps([reader.examine(path, open_consumer) for path in paths])
        except Exception as fault:  # noqa: BLE001  # told there, where somebody can act on it
            answer = pickle.dumps(RuntimeError(f"a file could not be examined: {fault!r}"))
        _send(sink, answer)


if __name__ == "__main__":
    main()
