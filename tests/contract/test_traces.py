"""One trace, from a request to what it causes in the end, whatever dies in between."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from lora_manager.adapters.dispatch.http import HttpDispatcher
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.adapters.observability.opentelemetry import OpenTelemetryTracer, open_tracer
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.queues.in_process import InProcessQueue
from lora_manager.adapters.sinks.blob import BlobMetadataSink
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.adapters.system.identifiers import MonotonicIdentifiers
from lora_manager.app.change import add
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery, EnqueueDeliveryCommand
from lora_manager.app.deliveries.worker import Worker, WorkerOptions
from lora_manager.app.metadata.publisher import Publisher
from lora_manager.domain.delivery import Delivery, Mode
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.events import Event, EventName
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.trail import following
from tests.contract.examples import a_lora
from tests.contract.spans import SPAN, TRACE, TRAIL
from tests.contract.stores import NewUrl, Stores, sql_stores
from tests.standins.collector import CollectedSpan, collecting
from tests.standins.http_server import LoopbackServer, Reply, serving

PATIENCE_S = 20.0
SECRET = "hunter2"


@dataclass
class Completion(EventLog):
    """Tells when a delivery is done."""

    came: asyncio.Event = field(default_factory=asyncio.Event)

    def record(self, events: Sequence[Event]) -> None:
        if any(event.name is EventName.DELIVERY_COMPLETED for event in events):
            self.came.set()


@dataclass
class Runtime:
    """Takes deliveries; it does not answer the first until it is let go."""

    holds_first: bool = False
    arrival: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, *_: object) -> Reply:
        is_first = not self.arrival.is_set()
        self.arrival.set()
        if is_first and self.holds_first:
            await self.release.wait()
        return 200, {}, b"{}"


@pytest.fixture
async def stores(new_url: NewUrl) -> AsyncIterator[Stores]:
    async with sql_stores(new_url("sqlite")) as stores:
        yield stores


@asynccontextmanager
async def tracing(url: str) -> AsyncIterator[OpenTelemetryTracer]:
    """The traces of one process; after the block all have been sent."""
    tracer = open_tracer(url, "1.2.3")
    try:
        yield tracer
    finally:
        await tracer.aclose()


async def enqueue(stores: Stores, server: LoopbackServer) -> Delivery:
    """Accept a delivery, as a request of a client does that is traced already."""
    params = {
        "host": "127.0.0.1",
        "port": server.port,
        "path": f"/{SECRET}",
        "headers": {"Authorization": f"Bearer {SECRET}"},
    }
    accept = EnqueueDelivery(
        stores.begin, InProcessQueue(), MonotonicIdentifiers(), Completion(), AllowedHosts.parse("loopback"), ()
    )
    with following(TRAIL):
        return await accept(EnqueueDeliveryCommand(prompt=SECRET, mode=Mode.HTTP, params=params))


@asynccontextmanager
async def working(name: str, stores: Stores, tracer: OpenTelemetryTracer) -> AsyncIterator[Completion]:
    """A worker, which is killed when the block ends."""
    options = WorkerOptions(name=name, lease=timedelta(milliseconds=300), look_every=timedelta(milliseconds=5))
    client = OutboundClient(AllowedHosts.parse("loopback"), tells_trace=True)
    done = Completion()
    stored = stores.begin, stores.deliveries
    worker = Worker(options, *stored, HttpDispatcher(client), InProcessQueue(), done, lambda: 1.0, tracer)
    task = asyncio.create_task(worker.run(asyncio.Event()))
    try:
        yield done
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


def attempts(spans: Sequence[CollectedSpan]) -> Mapping[str | int, CollectedSpan]:
    """The spans of attempts, by their numbers."""
    return {span.about["delivery.attempt"]: span for span in spans if span.name == "delivery attempt"}


async def test_a_delivery_is_one_trace_from_the_request_to_the_runtime(stores: Stores) -> None:
    async with collecting() as collector, serving(Runtime().take) as server:
        delivery = await enqueue(stores, server)
        async with tracing(collector.url) as tracer, working("one", stores, tracer) as done:
            await asyncio.wait_for(done.came.wait(), PATIENCE_S)
    [span] = collector.spans
    [request] = server.requests
    assert (span.name, span.trace_id, span.parent_id) == ("delivery attempt", TRACE, SPAN)
    assert span.about == {"delivery.id": str(delivery.id), "delivery.mode": "http", "delivery.attempt": 1}
    assert request.headers["traceparent"] == span.traceparent
    assert request.headers["idempotency-key"] == str(delivery.id)
    assert SECRET not in span.everything


async def test_whoever_goes_on_for_a_worker_that_was_killed_goes_on_in_its_trace(stores: Stores) -> None:
    runtime = Runtime(holds_first=True)
    async with collecting() as collector, serving(runtime.take) as server:
        await enqueue(stores, server)
        async with tracing(collector.url) as tracer, working("dead", stores, tracer):
            await asyncio.wait_for(runtime.arrival.wait(), PATIENCE_S)
        async with tracing(collector.url) as tracer, working("heir", stores, tracer) as done:
            await asyncio.wait_for(done.came.wait(), PATIENCE_S)
    spans = attempts(collector.spans)
    assert [(span.trace_id, span.parent_id) for span in spans.values()] == [(TRACE, SPAN)] * 2
    assert [spans[number].status for number in (1, 2)] == ["CancelledError", ""]
    assert [request.headers["traceparent"] for request in server.requests] == [
        spans[number].traceparent for number in (1, 2)
    ]


async def test_a_publication_is_in_the_trace_of_the_request_that_changed_the_lora(stores: Stores) -> None:
    lora = a_lora(description=SECRET, file_path=f"/{SECRET}.safetensors")
    with following(TRAIL):
        async with stores.begin() as uow:
            await add(uow, [lora])
            await uow.commit()
    async with collecting() as collector, tracing(collector.url) as tracer:
        sink = BlobMetadataSink(MemoryBlobStore())
        publisher = Publisher(stores.begin, stores.catalog, sink, SystemClock(), Completion(), lambda: 1.0, tracer)
        await publisher.publish_due()
    [span] = collector.spans
    assert (span.name, span.trace_id, span.parent_id) == ("publish metadata", TRACE, SPAN)
    assert span.about == {"adapter.id": str(lora.id), "publication.attempt": 1}
    assert SECRET not in span.everything
