"""A connection of the server's protocol without a network, in a time of the tests' own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState

from lora_manager.http.bounded_protocol import BoundedHttpProtocol
from tests.http.raw import Receive, Scope, Send, echo


class Time:
    """Stands in for the event loop of a connection where it comes to time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[tuple[float, Callable[[], None], asyncio.Handle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.Handle:
        handle = asyncio.Handle(callback, [], asyncio.get_running_loop())
        self._timers.append((when, callback, handle))
        return handle

    def call_later(self, delay: float, callback: Callable[[], None]) -> asyncio.Handle:
        return self.call_at(self.now + delay, callback)

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        until = self.now + seconds
        while due := [timer for timer in self._timers if timer[0] <= until]:
            timer = min(due, key=lambda timer: timer[0])
            self._timers.remove(timer)
            self.now = timer[0]
            if not timer[2].cancelled():
                timer[1]()
        self.now = until

    @property
    def timers(self) -> int:
        """How many have still to go off."""
        return sum(not handle.cancelled() for _, _, handle in self._timers)


class Wire(asyncio.Transport):
    """The server's end of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False
        self.is_paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class Connection:
    """A connection in a time of the tests' own, to an application that waits until it may read."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]] = echo) -> None:
        self.time, self.wire, self.may_read = Time(), Wire(), asyncio.Event()

        async def patient(scope: Scope, receive: Receive, send: Send) -> None:
            await self.may_read.wait()
            await app(scope, receive, send)

        settings = uvicorn.Config(patient, ws="none", lifespan="off", log_config=None, access_log=False)
        self.protocol = BoundedHttpProtocol(settings, ServerState(), {}, cast("Any", self.time))
        self.protocol.connection_made(self.wire)

    async def read(self) -> None:
        """Let the application go on as far as it can."""
        self.may_read.set()
        for _ in range(5):
            await asyncio.sleep(0)
