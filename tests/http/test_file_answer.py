"""How a file's bytes go out: as the client takes them, never all at once, and not to one that has gone away."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from lora_manager.domain.errors import Unavailable
from lora_manager.http.file_answer import FileAnswer

CHUNKS = [b"one", b"two", b"three"]
LENGTH = sum(map(len, CHUNKS))


class Source:
    """Chunks, and how far they were read.

    :param error: what comes instead of the end
    """

    def __init__(self, chunks: list[bytes], error: Exception | None = None) -> None:
        self.read = 0
        self.is_closed = asyncio.Event()
        self._chunks = chunks
        self._error = error

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            for chunk in self._chunks:
                self.read += 1
                yield chunk
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed.set()


class Client:
    """The other side of ASGI: takes what is sent, one message after the other as it is let."""

    def __init__(self, method: str = "GET", *, takes: int = 1_000) -> None:
        self.scope: dict[str, Any] = {"type": "http", "method": method, "headers": [], "state": {"request_id": "one"}}
        self.sent: list[dict[str, Any]] = []
        self.waits = asyncio.Event()
        self.leaves = asyncio.Event()
        self._room = asyncio.Semaphore(takes)

    async def receive(self) -> dict[str, Any]:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self._room.locked():
            self.waits.set()
        await self._room.acquire()
        self.sent.append(message)

    def leave(self) -> None:
        """Go away; what is sent from now on goes nowhere."""
        self.leaves.set()
        for _ in range(1_000):
            self._room.release()

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        return not self.sent[-1].get("more_body", False)


def answer(source: Source, length: int = LENGTH) -> FileAnswer:
    return FileAnswer(source.chunks(), length, "image/png", [])


async def test_a_file_is_sent_chunk_by_chunk() -> None:
    source, client = Source(CHUNKS), Client()
    await answer(source)(client.scope, client.receive, client.send)
    assert [message["body"] for message in client.sent[1:]] == [*CHUNKS, b""]
    assert client.is_complete
    assert source.is_closed.is_set()


async def test_no_more_is_read_than_the_client_takes() -> None:
    source, client = Source([b"x"] * 1_000), Client(takes=3)  # the head and two chunks
    sending = asyncio.create_task(answer(source, 1_000)(client.scope, client.receive, client.send))
    await client.waits.wait()
    assert source.read == 3
    client.leave()
    await sending


async def test_a_client_that_goes_away_closes_the_file() -> None:
    source, client = Source([b"x"] * 1_000), Client(takes=3)
    sending = asyncio.create_task(answer(source, 1_000)(client.scope, client.receive, client.send))
    await client.waits.wait()
    client.leave()
    await sending
    assert source.is_closed.is_set()
    assert source.read < 10
    assert not client.is_complete


async def test_a_server_that_stops_closes_the_file() -> None:
    source, client = Source([b"x"] * 1_000), Client(takes=3)
    sending = asyncio.create_task(answer(source, 1_000)(client.scope, client.receive, client.send))
    await client.waits.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert source.is_closed.is_set()


async def test_head_reads_nothing() -> None:
    source, client = Source(CHUNKS), Client("HEAD")
    await answer(source)(client.scope, client.receive, client.send)
    assert (source.read, client.body, client.is_complete) == (0, b"", True)
    assert (b"content-length", b"%d" % LENGTH) in client.sent[0]["headers"]


async def test_what_cannot_be_read_at_all_is_told_before_anything_is_sent() -> None:
    source, client = Source([], Unavailable("the disk is away")), Client()
    with pytest.raises(Unavailable):
        await answer(source)(client.scope, client.receive, client.send)
    assert client.sent == []


async def test_a_file_that_cannot_be_read_to_its_end_is_an_answer_without_one(caplog: pytest.LogCaptureFixture) -> None:
    source, client = Source([b"one"], Unavailable("the disk is away")), Client()
    with caplog.at_level(logging.WARNING):
        await answer(source)(client.scope, client.receive, client.send)
    assert (client.body, client.is_complete) == (b"one", False)
    assert "the disk is away" in caplog.text


async def test_a_file_that_became_shorter_is_an_answer_without_end() -> None:
    source, client = Source([b"one"]), Client()
    await answer(source)(client.scope, client.receive, client.send)
    assert (client.body, client.is_complete) == (b"one", False)
