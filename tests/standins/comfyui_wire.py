"""HTTP and websockets on one port, as aiohttp serves them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from websockets.frames import Opcode
from websockets.http11 import Request as UpgradeRequest
from websockets.server import ServerProtocol

Json: TypeAlias = Any
"""Whatever JSON can hold."""


@dataclass(frozen=True)
class Reply:
    """An answer; ``content`` other than bytes and text is sent as JSON, and NaN in it as the bare word."""

    status: int = 200
    content: Json = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """No answer: the connection is cut."""


CRASH = Reply(500, "500 Internal Server Error\n\nServer got itself in trouble", {"Connection": "close"})
"""How aiohttp answers where a handler raises."""


class Socket:
    """One websocket of a client."""

    def __init__(self, protocol: ServerProtocol, writer: asyncio.StreamWriter) -> None:
        self._protocol = protocol
        self._writer = writer

    def send(self, event: str, data: object) -> None:
        """Send an event, unless the client is gone."""
        if not self._writer.is_closing():
            self._protocol.send_text(json.dumps({"type": event, "data": data}).encode())
            self.flush()

    def send_raw(self, frame: bytes, *, is_text: bool) -> None:
        """Send anything."""
        (self._protocol.send_text if is_text else self._protocol.send_binary)(frame)
        self.flush()

    def flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._writer.write(data)

    def cut(self) -> None:
        """End the connection without a close frame, as a killed server does."""
        self._writer.transport.abort()


class Wire:
    """What happens on the port; to be given its handlers before anybody connects.

    :ivar upgrades: the headers of every websocket so far
    """

    answer: Callable[[str, str, Mapping[str, str], bytes], Awaitable[Reply | Cut]]
    joined: Callable[[Socket, str], None]
    left: Callable[[Socket], None]

    def __init__(self) -> None:
        self.port = 0
        self.refuses_websockets = False
        self.upgrades: list[Mapping[str, str]] = []
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def cut_all(self) -> None:
        """Cut every connection."""
        for writer in self._open.values():
            writer.transport.abort()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve as long as the block lasts."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            tasks = list(self._open)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._open.pop)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").split("\r\n")[:-2]
                method, path, _ = first.split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                if path.startswith("/ws") and "upgrade" in headers and not self.refuses_websockets:
                    self.upgrades.append(headers)
                    await self._websocket(head, path, reader, writer)
                    return
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                reply = await self.answer(method, path, headers, body)
                if isinstance(reply, Cut):
                    return
                writer.write(_encoded(reply))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.transport.abort()

    async def _websocket(
        self, head: bytes, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(head)
        (request,) = protocol.events_received()
        assert isinstance(request, UpgradeRequest)
        protocol.send_response(protocol.accept(request))
        socket = Socket(protocol, writer)
        socket.flush()
        self.joined(socket, path)
        try:
            while data := await reader.read(65536):
                protocol.receive_data(data)
                socket.flush()
                if any(getattr(event, "opcode", None) is Opcode.CLOSE for event in protocol.events_received()):
                    return
        finally:
            self.left(socket)


def _encoded(reply: Reply) -> bytes:
    if isinstance(reply.content, bytes):
        kind, body = None, reply.content
    elif isinstance(reply.content, str):
        kind, body = "text/plain; charset=utf-8", reply.content.encode()
    else:
        kind, body = "application/json; charset=utf-8", json.dumps(reply.content).encode()
    headers = ({"Content-Type": kind} if kind else {}) | {"Content-Length": str(len(body)), **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n{lines}\r\n".encode("latin-1") + body
