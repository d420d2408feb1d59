"""A PostgreSQL server that is gone for a while: everybody is told, everything waits, and nothing confirmed is lost.

``FAULT_AWAY_S`` says for how many seconds it is gone: by default only for as long as there is something to see.
"""

import asyncio
import os
import signal
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx

from tests.crash.faults import accepted, becomes, receiving, refused, registered, service
from tests.crash.own_postgres import OwnPostgres, postgres
from tests.crash.service import Service, until

__all__ = ["postgres", "service"]

WAITING = ("deliveries wait", "publishing metadata waits")  # service and worker
AWAY_S = float(os.environ.get("FAULT_AWAY_S", "0"))


async def test_while_the_database_is_gone_everything_waits_and_then_goes_on(
    service: Service, postgres: OwnPostgres
) -> None:
    service.environment = {"DATABASE_URL": postgres.url, "AUTO_MIGRATE": "true", "METADATA_SYNC": "true"}
    async with (
        service.running(),
        service.doing("worker") as worker,
        receiving() as receiver,
        service.client() as client,
    ):
        await until(partial(has_said, service, ": the worker ", 1))
        ink = await registered(service, "ink")
        await service.ask("PATCH", f"/adapters/{ink}", json={"weight": 0.5})
        under_way = await accepted(service, "http", receiver.params)
        await receiver.got(1)
        events: list[str] = []
        following = asyncio.create_task(follow(client, under_way, events))
        await until(partial(has_begun, events))

        await asyncio.to_thread(postgres.stop)
        receiver.release.set()
        for method, path, body in (
            ("GET", "/adapters", None),
            ("PATCH", f"/adapters/{ink}", {"weight": 0.75}),
            ("POST", "/deliveries", {"prompt": "a quiet harbour", "mode": "http", "params": receiver.params}),
            ("GET", f"/deliveries/{under_way}", None),
        ):
            detail = await refused(service, method, path, json=body)
            assert "does not answer: the connection was refused or lost; check that the server runs" in detail
            assert "DATABASE_URL" in detail
        await service.ask("GET", "/health")
        assert "database: " in await refused(service, "GET", "/health/ready")
        for what in WAITING:
            await until(partial(has_said, service, f"{what} until the store answers again", 2))
        await asyncio.sleep(AWAY_S)
        await asyncio.to_thread(postgres.start)

        await until(lambda: is_ready(service))
        assert [attempt["number"] for attempt in (await becomes(service, under_way))["attempts"]] == [1]
        assert [attempt for _, attempt in receiver.attempts] == ["1"]
        await following
        assert events == ["delivery.enqueued", "delivery.started", "delivery.completed"]
        assert (await service.adapters())[0]["weight"] == 0.5
        await service.ask("PATCH", f"/adapters/{ink}", json={"weight": 0.25})
        document = service.folder / "data" / "metadata" / f"{ink}.json"
        await until(lambda: tells(document, b'"weight": 0.25'))
        assert (await becomes(service, await accepted(service, "http", receiver.params)))["status"] == "succeeded"
        assert worker.returncode is None
        worker.send_signal(signal.SIGTERM)
        assert await worker.wait() == 0
    assert b"Traceback" not in service.said


async def has_said(service: Service, words: str, times: int) -> bool:
    """Service and worker log to one file."""
    return service.said.decode().count(words) >= times


async def is_ready(service: Service) -> bool:
    return (await service.ask("GET", "/health/ready", HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)).is_success


async def tells(document: Path, part: bytes) -> bool:
    return part in await asyncio.to_thread(_content, document)


def _content(document: Path) -> bytes:
    """Nothing before it was published for the first time, which may be after the outage."""
    return document.read_bytes() if document.exists() else b""


async def has_begun(events: list[str]) -> bool:
    return "delivery.started" in events


async def follow(client: httpx.AsyncClient, delivery_id: str, events: list[str]) -> None:
    """Note the names of a delivery's events, of one stream, to its end; raises if it breaks off instead of ending."""
    async with client.stream("GET", f"/deliveries/{delivery_id}/events") as answer:
        async for line in answer.aiter_lines():
            name = line.removeprefix("event: ")
            if name != line:
                events.append(name)
