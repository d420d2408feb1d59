"""An HTTP/1.1 server on the loopback that tests can make do anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import responses
from typing import TypeAlias

Reply: TypeAlias = tuple[int, Mapping[str, str], bytes]
Handler: TypeAlias = Callable[[str, str, Mapping[str, str], bytes], Awaitable[Reply]]


class Drop(Exception):
    """Raised by a handler to have the connection cut instead of an answer."""


@dataclass(frozen=True)
class Request:
    """What was received.

    :param path: with its query, as it was sent
    :param headers: by their names in lower case
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class LoopbackServer:
    """A server that runs, and what it has received so far.

    :param connections: how many were made
    """

    port: int
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[LoopbackServer]:
    """Serve as long as the block lasts; then every connection is cut."""
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    failures: list[Exception] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _receive(reader)) is not None:
                server.requests.append(request)
                status, headers, body = await handler(request.method, request.path, request.headers, request.body)
                await _answer(writer, status, headers, body)
        except (Drop, OSError):
            pass  # the test wants the connection cut, or the client has cut it
        except Exception as error:  # noqa: BLE001  # told when the block ends: nobody awaits a connection
            failures.append(error)
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        task = asyncio.create_task(converse(reader, writer))
        open_now[task] = writer
        task.add_done_callback(open_now.pop)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    server = LoopbackServer(listening.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listening.close()
        tasks = list(open_now)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if failures:
        raise ExceptionGroup("the handler of the stand-in failed", failures)


async def _receive(reader: asyncio.StreamReader) -> Request | None:
    """The next request, None once the client has closed the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, path, headers, body)


async def _answer(writer: asyncio.StreamWriter, status: int, headers: Mapping[str, str], body: bytes) -> None:
    lines = {"Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"HTTP/1.1 {status} {responses.get(status, 'Other')}\r\n{head}\r\n".encode("latin-1") + body)
    await writer.drain()
