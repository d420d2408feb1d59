"""A connection as httpcore wants it, straight on the event loop: asyncio's or uvloop's."""

import asyncio
from typing import Any, cast

import httpcore

_HIGH_WATER = 256 * 1024  # bytes held before the peer has to wait: four of httpcore's reads


class Stream(asyncio.Protocol, httpcore.AsyncNetworkStream):
    """One connection.

    The time-outs that httpcore hands down are not looked at: the whole exchange has one deadline, kept by the client.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._answered = False  # whether anything came since something was sent
        self._ended = False
        self._lost: Exception | None = None
        self._holds_peer = False
        self._arrival: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's name
        while not self._received and not self._ended:
            self._arrival = self._loop.create_future()
            await self._arrival
        if not self._received and (self._lost is not None or not self._answered):
            raise httpcore.ReadError(str(self._lost or "it was closed without an answer")) from self._lost
        chunk = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        if self._holds_peer and len(self._received) < _HIGH_WATER:
            self._holds_peer = False
            self._transport.resume_reading()
        return chunk

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # httpcore's name
        if buffer and not self._ended:
            self._answered = False
            self._transport.write(buffer)
        if self._room is not None:
            await self._room
        if self._ended:
            raise httpcore.WriteError(str(self._lost or "it was closed")) from self._lost

    async def aclose(self) -> None:
        # Not close(): that waits for a peer to take what it was sent.
        self._transport.abort()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # how httpcore asks whether an idle connection is of no use any more
            return self._ended or bool(self._received)
        return self._transport.get_extra_info(info)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class

    def data_received(self, data: bytes) -> None:
        self._answered = True
        self._received += data
        if len(self._received) >= _HIGH_WATER and not self._holds_peer:
            self._holds_peer = True
            self._transport.pause_reading()
        self._wake(self._arrival)

    def eof_received(self) -> None:
        self._ended = True
        self._wake(self._arrival)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._lost = error
        self._wake(self._arrival)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._room = self._loop.create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        self._wake(room)

    @staticmethod
    def _wake(waiting: "asyncio.Future[None] | None") -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(None)
