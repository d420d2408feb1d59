"""What every answer carries, and what is measured of it."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from lora_manager.http.envelope import CLIENT_GONE, SAFE_HEADERS, Envelope
from lora_manager.ports.metrics import NoMetrics
from lora_manager.ports.trail import trail
from tests.http.service import NOBODY, Service, client_of

SAFE = {name.decode() for name, _ in SAFE_HEADERS}


class Noted(NoMetrics):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, int]] = []

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.answers.append((method, route, status))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
async def client(service: Service, noted: Noted) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that is measured."""
    async with client_of(nullcontext(replace(service.application, metrics=noted))) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/adapters"),
        ("HEAD", "/adapters"),
        ("OPTIONS", "/adapters"),
        ("PUT", "/adapters"),
        ("GET", f"/adapters/{NOBODY}"),
        ("DELETE", f"/adapters/{NOBODY}"),
        ("POST", "/compose"),
        ("GET", "/health"),
        ("GET", "/docs"),
        ("GET", "/schema/openapi.json"),
        ("GET", "/nowhere"),
        ("GET", "/metrics"),
    ],
)
async def test_every_answer_tells_browsers_to_keep_out(method: str, path: str, client: httpx.AsyncClient) -> None:
    answer = await client.request(method, path)
    assert answer.headers.keys() >= SAFE | {"x-request-id"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    for name in SAFE:
        assert len(answer.headers.get_list(name)) == 1


async def test_requests_are_measured_by_the_template_of_their_path(client: httpx.AsyncClient, noted: Noted) -> None:
    for path in ("/adapters", f"/adapters/{NOBODY}", "/adapters/not-an-id", "/nowhere"):
        await client.get(path)
    await client.post("/adapters", json={})
    await client.delete("/health")
    assert noted.answers == [
        ("GET", "/adapters", 200),
        ("GET", "/adapters/{id}", 404),
        ("GET", "", 404),
        ("GET", "", 404),
        ("POST", "/adapters", 400),
        ("DELETE", "", 405),
    ]


async def test_a_request_that_is_never_answered_is_measured_as_gone(noted: Noted) -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        """The client goes away before there is anything to send."""

    async def unused(*_: object) -> None:
        raise AssertionError("nothing is received or sent")

    scope = {"type": "http", "method": "GET", "path_template": "/adapters", "headers": [], "state": {}}
    await Envelope(silent, noted)(scope, unused, unused)
    assert noted.answers == [("GET", "/adapters", CLIENT_GONE)]


async def test_an_id_that_a_request_brought_is_not_that_of_the_next(service: Service) -> None:
    given = {"x-request-id": "mine", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    first = await service.client.get("/adapters", headers=given)
    second = await service.client.get("/adapters")
    assert first.headers["x-request-id"] == "mine"
    assert second.headers["x-request-id"] != "mine"
    assert trail() == {}


async def test_a_delivery_keeps_the_trail_of_its_request(service: Service) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    body = {"prompt": "x", "mode": "cli"}
    for given, kept in [(parent, {"traceparent": parent}), ("00-nonsense", {})]:
        headers = {"x-request-id": "mine", "traceparent": given}
        accepted = await service.client.post("/deliveries", json=body, headers=headers)
        delivery = await service.application.deliveries.get(UUID(accepted.json()["delivery_id"]))
        assert delivery.trail == {"request_id": "mine", **kept}
