"""A load of one request over and over: ``python -m benchmarks.load HOST PORT CONNECTIONS SECONDS < request``.

Prints the requests answered per second. Each connection sends its next request when the answer to the last has come.
"""

import asyncio
import sys
import time
from typing import cast

import uvloop


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, request: bytes, deadline: float) -> None:
        self._request = request
        self._deadline = deadline
        self._received = b""
        self.answered = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is one without saying so
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._received) < head_end + 4 + length:
            return
        if not head.startswith(b"http/1.1 2"):
            self.done.set_exception(RuntimeError(self._received.decode(errors="replace")))
            return
        self._received = b""
        self.answered += 1
        if time.perf_counter() < self._deadline:
            self._transport.write(self._request)
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))


async def load(host: str, listen_port: int, request: bytes, *, connections: int, seconds: float) -> float:
    """Requests answered per second."""
    started = time.perf_counter()
    deadline = started + seconds
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(lambda: _Client(request, deadline), host, listen_port) for _ in range(connections)
    ]
    clients = [client for _, client in pairs]
    await asyncio.gather(*(client.done for client in clients))
    return sum(client.answered for client in clients) / (time.perf_counter() - started)


if __name__ == "__main__":
    host, listen_port, connections, seconds = sys.argv[1:]
    request = sys.stdin.buffer.read()
    print(uvloop.run(load(host, int(listen_port), request, connections=int(connections), seconds=float(seconds))))
