"""Running a command to its end, bounded in output, leaving nothing behind."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

MAX_OUTPUT = 64 * 1024  # bytes kept of stdout, and of stderr
_PIPES_S = 1.0  # for the rest of the output after the command ended: what it left running may hold the pipes open
_PAUSE_S = 0.05  # between two looks at whether the group is gone


class Output(asyncio.Protocol):
    """What a command wrote: the first ``MAX_OUTPUT`` bytes. The rest is read as well, or the command would stop."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self.truncated = False
        self.ended = asyncio.get_running_loop().create_future()

    @property
    def text(self) -> str:
        """As UTF-8; what is none is replaced."""
        return self._kept.decode("utf-8", "replace")

    def data_received(self, data: bytes) -> None:
        room = MAX_OUTPUT - len(self._kept)
        self._kept += data[:room]
        self.truncated = self.truncated or len(data) > room

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended.

    :param code: a negative one is the number of the signal that ended it
    """

    code: int
    stdout: Output
    stderr: Output


async def run(argv: Sequence[str], environment: Mapping[str, str], stdin: bytes, *, grace_s: float) -> Exit:
    """Run a command as a process group of its own; cancelled, it ends the whole group first.

    :param grace_s: seconds from SIGTERM to SIGKILL
    :raises OSError: it cannot be started
    """
    async with _pipe() as (stdout, to_stdout), _pipe() as (stderr, to_stderr):
        # A file rather than a pipe: it need not be fed, and a command may leave it unread.
        with TemporaryFile(buffering=0) as given, to_stdout, to_stderr:
            given.write(stdin)
            given.seek(0)
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=given, stdout=to_stdout, stderr=to_stderr, env=environment, start_new_session=True
            )
        try:
            code = await process.wait()
            await asyncio.wait({stdout.ended, stderr.ended}, timeout=_PIPES_S)
        except BaseException:
            await _end(process, grace_s)
            raise
        return Exit(code, stdout, stderr)


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[Output, IO[bytes]]]:
    """What arrives through a pipe, and its other end. Our own, because asyncio waits for the pipes that it made."""
    reading, writing = (os.fdopen(end, mode, 0) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
    with reading, writing:
        transport, output = await asyncio.get_running_loop().connect_read_pipe(Output, reading)
        try:
            yield output, writing
        finally:
            transport.close()


async def _end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """Ask all of the group to end; make those that do not."""
    try:
        is_left = _signal(process.pid, signal.SIGTERM)
        for _ in range(round(grace_s / _PAUSE_S)):
            if not is_left:
                break
            await asyncio.sleep(_PAUSE_S)
            is_left = _signal(process.pid, 0)
    finally:
        _signal(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):  # one that became another user (sudo) cannot be ended from here
            async with asyncio.timeout(grace_s):
                await process.wait()


def _signal(group: int, number: int) -> bool:
    """Whether there was anybody in the group to take it; 0 only asks."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
