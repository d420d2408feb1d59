"""A runtime is told which trace its requests belong to; nobody else is."""

from collections.abc import AsyncIterator

import pytest

from lora_manager.adapters.civitai.client import client_for
from lora_manager.adapters.dispatch.http import HttpDispatcher
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import Mode
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.ports.trail import following
from tests.contract.dispatch import comfyui_world, sdnext_world
from tests.contract.dispatch.running import ID, ignore, running
from tests.contract.spans import PARENT, TRAIL
from tests.standins.a1111 import Variant
from tests.standins.http_server import LoopbackServer, Reply, serving


async def take(*_: object) -> Reply:
    return 200, {}, b"{}"


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(AllowedHosts.parse(), tells_trace=True)
    yield client
    await client.aclose()


async def deliver(client: OutboundClient, server: LoopbackServer, **headers: str) -> None:
    params = {"host": "127.0.0.1", "port": server.port, "headers": headers}
    await HttpDispatcher(client).dispatch(running(Mode.HTTP, params), ignore)


async def test_a_request_of_a_delivery_belongs_to_its_trace(client: OutboundClient) -> None:
    async with serving(take) as server:
        with following(TRAIL):
            await deliver(client, server)
    [request] = server.requests
    assert request.headers["traceparent"] == PARENT
    assert (request.headers["idempotency-key"], request.headers["x-delivery-attempt"]) == (str(ID), "1")
    assert TRAIL["request_id"] not in str(request.headers)


async def test_without_a_trace_nothing_is_said_of_one(client: OutboundClient) -> None:
    async with serving(take) as server:
        with following({"request_id": "r-1"}):
            await deliver(client, server)
    assert "traceparent" not in server.requests[0].headers


@pytest.mark.parametrize("name", ["traceparent", "TraceParent"])
async def test_what_a_delivery_says_itself_comes_first(client: OutboundClient, name: str) -> None:
    own = PARENT.replace("a", "b")
    async with serving(take) as server:
        with following(TRAIL):
            await deliver(client, server, **{name: own})
    assert server.requests[0].headers["traceparent"] == own


async def test_every_request_to_comfyui_belongs_to_the_trace() -> None:
    async with comfyui_world.world_of(comfyui_world.QUICK) as world:
        with following(TRAIL):
            await world.deliver()
    assert len(world.comfy.wire.upgrades) == 1
    assert {headers["traceparent"] for headers in (*world.comfy.headers, *world.comfy.wire.upgrades)} == {PARENT}


async def test_every_request_to_a1111_belongs_to_the_trace() -> None:
    async with sdnext_world.world_of(Variant.A1111) as world:
        with following(TRAIL):
            await world.deliver()
    assert world.runtime.server is not None
    assert {request.headers.get("traceparent") for request in world.runtime.server.requests} == {PARENT}


async def test_civitai_learns_nothing_of_our_traces() -> None:
    async with serving(take) as server:
        client = client_for(server.url)
        with following(TRAIL):
            await client.request("GET", server.url, timeout_s=10, max_bytes=100)
        await client.aclose()
    assert "traceparent" not in server.requests[0].headers
