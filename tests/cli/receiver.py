"""A runtime on the loopback, for commands that are called while it answers."""

import asyncio
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.standins.http_server import Handler, LoopbackServer, Reply, serving

PATIENCE_S = 60


@contextmanager
def receiving(handler: Handler) -> Iterator[LoopbackServer]:
    """The stand-in at work in a thread of its own."""
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        standin = serving(handler)
        try:
            server = asyncio.run_coroutine_threadsafe(standin.__aenter__(), loop).result(PATIENCE_S)
            yield server
            asyncio.run_coroutine_threadsafe(standin.__aexit__(None, None, None), loop).result(PATIENCE_S)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE_S)


def to(server: LoopbackServer) -> tuple[str, ...]:
    """The options that deliver to it."""
    return "--mode", "http", "--param", "host=127.0.0.1", "--param", f"port={server.port}"


def wait_until_told(process: "subprocess.Popen[str]", text: str) -> None:
    """Return when a line on the process's stderr holds the text."""
    assert process.stderr is not None
    while text not in (line := process.stderr.readline()):
        assert line, f"it ended before it said {text!r}"


class Replies:
    """Answers with one after the other of these, the last of them again and again."""

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)

    async def __call__(self, *_: object) -> Reply:
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


class Holding:
    """Keeps the first request without an answer until it is let go, and answers the others with 200."""

    def __init__(self) -> None:
        self._has_arrived = threading.Event()
        self._is_let_go = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, *_: object) -> Reply:
        if not self._has_arrived.is_set():
            self._loop = asyncio.get_running_loop()
            self._has_arrived.set()
            await self._is_let_go.wait()
        return 200, {}, b""

    def wait(self) -> None:
        """Return when the first request has arrived."""
        assert self._has_arrived.wait(PATIENCE_S)

    def let_go(self) -> None:
        """Answer the first request."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._is_let_go.set)
