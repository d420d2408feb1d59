"""Following deliveries: what the stream of events tells, where it resumes, and when it ends."""

import asyncio
import json
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from lora_manager.domain.delivery import Delivery, DeliveryNotFound, Mode, Progress
from lora_manager.domain.errors import Unavailable
from lora_manager.http.delivery_events import events_of
from lora_manager.http.event_stream import EventStream
from tests.contract.dispatch.running import NOW, running
from tests.http.service import Service
from tests.http.test_server import server
from tests.standins.http_server import serving

PATIENCE_S = 30


async def cancelled(service: Service) -> str:
    """The id of a delivery that was cancelled before it was tried."""
    delivery_id = await service.deliver(mode="cli")
    await service.client.post(f"/deliveries/{delivery_id}/cancel")
    return delivery_id


async def follow(client: httpx.AsyncClient, delivery_id: str, last_event_id: str | None = None) -> httpx.Response:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    return await client.get(f"/deliveries/{delivery_id}/events", headers=headers)


def told(stream: str) -> list[dict[str, Any]]:
    """The events in a stream, their data read; comments are left out."""
    blocks = [block for block in stream.split("\n\n") if block and not block.startswith(":")]
    events: list[dict[str, Any]] = [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]
    return [{**one, "data": json.loads(one["data"])} for one in events]


def names(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(one["id"], one["event"]) for one in told(answer.text)]


async def test_a_delivery_that_ended_tells_its_history_with_the_result_at_its_end(service: Service) -> None:
    delivery_id = await service.deliver(mode="cli", params={"template": "draw"})
    async with service.working():
        shown = await service.end_of(delivery_id)
    answer = await follow(service.client, delivery_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-length" not in answer.headers
    [accepted, started, completed] = told(answer.text)
    common = {"delivery_id": delivery_id, "error": None}
    assert accepted == {
        "id": "1",
        "event": "delivery.enqueued",
        "data": {**common, "status": "pending", "at": shown["created_at"], "attempt": None},
    }
    assert started == {
        "id": "2",
        "event": "delivery.started",
        "data": {**common, "status": "running", "at": shown["started_at"], "attempt": 1},
    }
    assert completed == {
        "id": "3",
        "event": "delivery.completed",
        "data": {
            **common,
            "status": "succeeded",
            "at": shown["finished_at"],
            "attempt": 1,
            "result": shown["result"],
        },
    }


async def test_only_the_last_end_carries_a_result(service: Service) -> None:
    delivery_id = await service.deliver(mode="cli", params={"template": "fail", "max_attempts": 1})
    async with service.working():
        first = await service.end_of(delivery_id)
        await service.client.post(f"/deliveries/{delivery_id}/retry")
        second = await service.end_of(delivery_id)
    events = told((await follow(service.client, delivery_id)).text)
    ends = [event["data"] for event in events if event["event"] == "delivery.failed"]
    assert [end.get("result") for end in ends] == [None, second["result"]]
    assert [end["error"] for end in ends] == [first["error"], second["error"]]
    assert [end["attempt"] for end in ends] == [1, 2]


@pytest.mark.parametrize(
    ("last_event_id", "rest"),
    [
        ("0", ["1", "2"]),
        ("1", ["2"]),
        ("3", ["1", "2"]),  # of another delivery, or of a database that was put back
        ("", ["1", "2"]),
        ("-1", ["1", "2"]),
        ("1.0", ["1", "2"]),
        ("one", ["1", "2"]),
        ("9" * 5_000, ["1", "2"]),
    ],
)
async def test_the_last_event_that_a_client_has_says_where_to_go_on(
    service: Service, last_event_id: str, rest: list[str]
) -> None:
    answer = await follow(service.client, await cancelled(service), last_event_id)
    assert [one["id"] for one in told(answer.text)] == rest


async def test_a_client_that_has_the_end_is_told_not_to_come_back(service: Service) -> None:
    answer = await follow(service.client, await cancelled(service), "2")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_head_is_answered_without_waiting_for_the_end(service: Service) -> None:
    answer = await service.client.head(f"/deliveries/{await service.deliver(mode='cli')}/events")
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "text/event-stream", b"")


async def test_progress_is_told_when_it_changed_and_has_no_id() -> None:
    delivery = running(Mode.CLI, {})
    lease = delivery.lease
    assert lease is not None

    async def watch() -> AsyncGenerator[Delivery, None]:
        for progress in (Progress(), Progress(0.5, "step 1 of 2"), Progress(0.5, "step 1 of 2"), Progress(None, "x")):
            yield delivery.renew(1, progress, now=NOW, lease=lease.until - NOW)
        yield delivery.succeed(1, {}, now=NOW)[0]

    events = told(b"".join([one async for one in events_of(watch(), 0)]).decode())
    assert [event["event"] for event in events] == [
        *("delivery.enqueued", "delivery.started", "delivery.progress", "delivery.progress", "delivery.completed"),
    ]
    assert events[2] == {
        "event": "delivery.progress",
        "data": {
            "delivery_id": str(delivery.id),
            "attempt": 1,
            "progress": {"fraction": 0.5, "detail": "step 1 of 2"},
        },
    }
    assert events[3]["data"]["progress"] == {"fraction": None, "detail": "x"}


class Client:
    """What an ASGI server sees of a client of one stream."""

    def __init__(self) -> None:
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def chunk(self) -> bytes:
        """The next part of the body; empty at its end."""
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.got.get())["type"] != "http.response.body":
                pass
        body: bytes = message["body"]
        return body

    def open(self, stream: EventStream) -> Coroutine[Any, Any, None]:
        return stream({"method": "GET", "headers": [], "state": {"request_id": "one"}}, self.receive, self.got.put)


class Endless:
    """One event, and then silence."""

    def __init__(self) -> None:
        self.is_closed = False

    async def events(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"event: x\n\n"
            await asyncio.Event().wait()
        finally:
            self.is_closed = True


@pytest.mark.parametrize("stops", [False, True], ids=["the client goes", "the server stops"])
async def test_a_stream_ends_when_the_client_goes_or_the_server_stops(*, stops: bool) -> None:
    client, stopping, silence = Client(), asyncio.Event(), Endless()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(client.open(EventStream(silence.events(), stopping)))
        assert await client.chunk() == b"event: x\n\n"
        (stopping if stops else client.gone).set()
    assert await client.chunk() == b""
    assert silence.is_closed


async def test_a_silent_stream_is_kept_alive_by_comments() -> None:
    client = Client()
    async with asyncio.TaskGroup() as tasks:
        stream = EventStream(Endless().events(), asyncio.Event(), keep_alive_s=0.001)
        tasks.create_task(client.open(stream))
        assert [await client.chunk() for _ in range(3)] == [b"event: x\n\n", b": keep-alive\n\n", b": keep-alive\n\n"]
        client.gone.set()


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (Unavailable("the database does not answer"), "WARNING"),
        (DeliveryNotFound(running(Mode.CLI, {}).id), "WARNING"),
        (RuntimeError("a fault"), "ERROR"),
    ],
)
async def test_what_breaks_a_stream_ends_it_and_is_logged(
    error: Exception, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        yield b"event: x\n\n"
        raise error

    client = Client()
    await client.open(EventStream(events(), asyncio.Event()))
    assert [await client.chunk(), await client.chunk()] == [b"event: x\n\n", b""]
    [record] = caplog.records
    assert record.levelname == level


@asynccontextmanager
async def stream_of(url: str, **params: object) -> AsyncIterator[AsyncGenerator[str, None]]:
    """The names of the events of a new delivery to a target, as a live server sends them."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        body = {"prompt": "x", "mode": "http", "params": {"host": "127.0.0.1", **params}}
        location = (await client.post("/deliveries", json=body)).headers["location"]
        async with client.stream("GET", f"{location}/events") as answer:

            async def events() -> AsyncGenerator[str, None]:
                async for line in answer.aiter_lines():
                    if line.startswith("event: "):
                        yield line.removeprefix("event: ")

            async with aclosing(events()) as names:
                yield names


async def test_events_arrive_as_they_happen(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def hold(*_: object) -> tuple[int, dict[str, str], bytes]:
        await release.wait()
        return 200, {}, b""

    with server(tmp_path) as (_, url):
        async with serving(hold) as target, stream_of(url, port=target.port) as events:
            assert [await anext(events), await anext(events)] == ["delivery.enqueued", "delivery.started"]
            release.set()
            assert [name async for name in events] == ["delivery.completed"]


async def test_a_server_that_is_told_to_stop_ends_its_streams(tmp_path: Path) -> None:
    async def refuse(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 503, {"Retry-After": "3600"}, b""

    with server(tmp_path) as (process, url):
        async with serving(refuse) as target, stream_of(url, port=target.port) as events:
            while await anext(events) != "delivery.retrying":
                pass
            process.send_signal(signal.SIGTERM)
            assert [name async for name in events] == []  # the body is complete: it was not cut off
        out, err = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    assert process.returncode == 0
    assert out == "closed\n"
    assert "Cancel" not in err  # what uvicorn says of requests that it waited for in vain
