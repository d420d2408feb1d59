"""Answers that go on: server-sent events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from msgspec import Struct

from lora_manager.domain.errors import Failure
from lora_manager.http.answer import Answer, gone, to_json
from lora_manager.http.request_id import request_id

EVENT_STREAM = b"text/event-stream"
KEEP_ALIVE_S = 15.0  # what the specification advises (its section 9.2.7), so that no proxy takes the stream for dead
_logger = logging.getLogger(__name__)


def event(name: str, data: Struct, number: int | None = None) -> bytes:
    """One event.

    :param number: its id, which a client that comes back names as the last one it has; None leaves that as it is
    """
    head = b"" if number is None else b"id: %d\n" % number
    return b"%bevent: %b\ndata: %b\n\n" % (head, name.encode(), to_json(data))


class EventStream(Answer):
    """Events until there are no more, the client goes away, or the server stops.

    :param stopping: set when the server is told to stop
    """

    __slots__ = ("_events", "_keep_alive_s", "_stopping")

    def __init__(
        self, events: AsyncGenerator[bytes, None], stopping: asyncio.Event, *, keep_alive_s: float = KEEP_ALIVE_S
    ) -> None:
        super().__init__(b"", media_type=EVENT_STREAM)
        self.headers = [
            (b"content-type", EVENT_STREAM),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # nginx would otherwise collect events before it passes them on
        ]
        self._events = events
        self._stopping = stopping
        self._keep_alive_s = keep_alive_s

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it; to HEAD without the events."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        if scope["method"] != "HEAD":
            await self._until_one_ends(
                self._tell(scope, send), self._keep_alive(send), gone(receive), self._stopping.wait()
            )
        await send({"type": "http.response.body", "body": b""})

    async def _until_one_ends(self, *activities: Any) -> None:
        tasks = [asyncio.create_task(activity) for activity in activities]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, scope: Any, send: Any) -> None:
        """Send the events. It is too late for a problem document: a client whose stream breaks off comes back."""
        try:
            async with aclosing(self._events) as events:
                async for told in events:
                    await _send(send, told)
        except Failure as error:
            _logger.warning("request %s: its events end early: %s", request_id(scope), error)
        except Exception:
            _logger.exception("request %s: its events end early", request_id(scope))

    async def _keep_alive(self, send: Any) -> None:
        while True:
            await asyncio.sleep(self._keep_alive_s)
            await _send(send, b": keep-alive\n\n")


async def _send(send: Any, chunk: bytes) -> None:
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
