"""What spans say, whose children they are, and that nothing else suffers from them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lora_manager.adapters.observability import opentelemetry
from lora_manager.adapters.observability.opentelemetry import CalmExporter, OpenTelemetryTracer, open_tracer
from lora_manager.ports.trail import following, trail
from tests.contract.spans import PARENT, SPAN, TRACE, Spans
from tests.standins.collector import Collector, collecting

UNSAMPLED = PARENT.removesuffix("01") + "00"
WARNING = "traces do not arrive at"


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def opened(collector: Collector) -> AsyncIterator[OpenTelemetryTracer]:
    """A tracer that sends to it; after the block all has been sent."""
    tracer = open_tracer(collector.url, "1.2.3")
    try:
        yield tracer
    finally:
        await tracer.aclose()


def test_a_span_is_a_child_of_the_one_in_the_trail(spans: Spans) -> None:
    with following({"traceparent": PARENT}), spans.tracer.span("work"):
        pass
    assert (spans.only.trace_id, spans.only.parent_id) == (TRACE, SPAN)


def test_the_open_span_comes_before_the_one_in_the_trail(spans: Spans) -> None:
    with spans.tracer.span("request"), following({"traceparent": PARENT}), spans.tracer.span("work"):
        pass
    work, request = spans.ended
    assert (work.trace_id, work.parent_id) == (request.trace_id, request.span_id)
    assert request.trace_id != TRACE


def test_without_either_a_span_begins_a_trace(spans: Spans) -> None:
    with spans.tracer.span("work"):
        pass
    with following({"traceparent": "00-nonsense"}), spans.tracer.span("work"):
        pass
    one, other = spans.ended
    assert (one.parent_id, other.parent_id) == ("", "")
    assert one.trace_id != other.trace_id


def test_the_trail_holds_the_span_that_is_open(spans: Spans) -> None:
    with following({"request_id": "1", "traceparent": PARENT}), spans.tracer.span("work"):
        during = trail()
    assert during == {"request_id": "1", "traceparent": spans.only.traceparent}


def test_what_goes_on_elsewhere_by_the_trail_is_a_child_of_the_span(spans: Spans) -> None:
    with spans.tracer.span("request"):
        stored = dict(trail())
    with following(stored), spans.tracer.span("work"):
        pass
    request, work = spans.ended
    assert (work.trace_id, work.parent_id) == (request.trace_id, request.span_id)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, asyncio.CancelledError])
def test_of_an_exception_the_class_is_noted_and_nothing_else(spans: Spans, error: type[BaseException]) -> None:
    with pytest.raises(error), spans.tracer.span("work", size=3):
        raise error("hunter2")  # what a message may hold
    assert (spans.only.status, spans.only.events) == (error.__name__, 0)
    assert spans.only.about == {"size": 3, "error.type": error.__name__}


def test_work_that_succeeds_has_no_status_of_its_own(spans: Spans) -> None:
    with spans.tracer.span("work", kind="a"):
        pass
    assert (spans.only.status, spans.only.about) == (None, {"kind": "a"})


def test_who_decided_not_to_sample_a_trace_is_heeded_and_the_next_one_told(spans: Spans) -> None:
    with following({"traceparent": UNSAMPLED}), spans.tracer.span("work"):
        during = trail()["traceparent"]
    assert spans.ended == []
    assert during.startswith(f"00-{TRACE}-")
    assert during.endswith("-00")
    assert during != UNSAMPLED


async def test_the_process_as_a_whole_has_no_provider() -> None:
    before = trace.get_tracer_provider()
    async with collecting() as collector, opened(collector):
        assert trace.get_tracer_provider() is before
    assert not isinstance(trace.get_tracer_provider(), TracerProvider)


async def test_spans_arrive_and_say_who_made_them() -> None:
    async with collecting() as collector, opened(collector) as tracer:
        with tracer.span("work"):
            pass
    [span] = collector.spans
    assert collector.server.requests[0].path == "/v1/traces"
    assert span.of["service.name"] == "lora-manager"
    assert span.of["service.version"] == "1.2.3"


async def test_standard_variables_mean_what_they_always_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "studio")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.version=own")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=7")
    async with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.url}/elsewhere")
        async with opened(collector) as tracer:
            with tracer.span("work"):
                pass
    [span] = collector.spans
    [request] = collector.server.requests
    assert (request.path, request.headers["x-tenant"]) == ("/elsewhere", "7")
    assert {"service.name": "studio", "deployment.environment.name": "test", "service.version": "own"}.items() <= (
        span.of.items()
    )


async def test_a_sampler_that_wants_nothing_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    async with collecting() as collector, opened(collector) as tracer:
        with tracer.span("work"):
            pass
    assert collector.spans == []


async def test_where_the_sdk_is_switched_off_the_trail_goes_on_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with collecting() as collector, opened(collector) as tracer:
        with following({"traceparent": PARENT}), tracer.span("work"):
            assert trail() == {"traceparent": PARENT}
        with tracer.span("work"):
            assert trail() == {}
    assert collector.spans == []


async def test_a_collector_that_refuses_disturbs_nobody_and_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async with collecting(status=400) as collector, opened(collector) as tracer:
        for _ in range(3_000):  # several batches
            with tracer.span("work"):
                pass
    assert len(collector.server.requests) > 1
    assert [record.getMessage().count(WARNING) for record in caplog.records] == [1]
    assert collector.url in caplog.text


class Shaky(SpanExporter):
    """Does with one batch after the other what it is told."""

    def __init__(self, *orders: SpanExportResult | Exception) -> None:
        self._orders = list(orders)

    def export(self, _spans: Sequence[ReadableSpan]) -> SpanExportResult:
        order = self._orders.pop(0)
        if isinstance(order, Exception):
            raise order
        return order

    def shutdown(self) -> None:
        raise RuntimeError("hunter2")


def test_the_next_warning_comes_after_spans_arrived_again(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
    exporter = CalmExporter(Shaky(bad, bad, RuntimeError("hunter2"), good, bad, bad), "http://collector.test")
    results = [exporter.export([]) for _ in range(6)]
    exporter.shutdown()
    assert results == [bad, bad, bad, good, bad, bad]
    assert caplog.text.count(WARNING) == 2
    assert "hunter2" not in caplog.text


async def test_what_hangs_is_left_behind_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opentelemetry, "_CLOSE_S", 0.01)
    release = threading.Event()

    class Hanging(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            release.wait()
            return super().export(spans)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Hanging()))
    tracer = OpenTelemetryTracer(provider)
    with tracer.span("work"):
        pass
    await tracer.aclose()
    release.set()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the last traces are dropped" in caplog.text
