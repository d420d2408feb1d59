"""Whatever a worker does about a delivery, it does on the trail of the request that the delivery came from."""

import logging
from collections.abc import Iterator, Mapping, Sequence

import pytest

from lora_manager.adapters.observability.logging_event_log import LoggingEventLog
from lora_manager.domain.delivery import Delivery, Result
from lora_manager.domain.events import Event
from lora_manager.ports.dispatcher import Report
from lora_manager.ports.trail import following, trail
from tests.contract.spans import TRAIL, KeptSpan, Spans
from tests.unit.app.deliveries.post import Post, RecordedEvents, Runtime, trouble

Line = tuple[str, Mapping[str, str]]


class Lines(logging.Handler):
    """Keeps every line, with the trail that it was written on."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.getMessage(), dict(trail())))

    def of(self, delivery: Delivery) -> list[Line]:
        return [line for line in self.lines if str(delivery.id) in line[0]]


class LoggedEvents(RecordedEvents):
    """Writes them to the log, as the service does."""

    def record(self, events: Sequence[Event]) -> None:
        LoggingEventLog().record(events)


class Noting(Runtime):
    """Keeps the trail of every attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.trails: list[Mapping[str, str]] = []

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        self.trails.append(dict(trail()))
        return await super().dispatch(delivery, report)


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def runtime() -> Noting:
    return Noting()


@pytest.fixture
async def post(spans: Spans, runtime: Noting) -> Post:
    post = Post()
    post.events, post.runtime, post.tracer = LoggedEvents(), runtime, spans.tracer
    return post


@pytest.fixture
def log() -> Iterator[Lines]:
    logger, handler = logging.getLogger("lora_manager"), Lines()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


async def test_every_line_that_a_worker_writes_of_a_delivery_carries_its_ids(
    post: Post, runtime: Noting, log: Lines
) -> None:
    runtime.orders = [RuntimeError("a fault"), trouble(retryable=False), {"ok": True}]
    trails = [{"request_id": f"r-{number}", "caller": "studio"} for number in range(3)]
    deliveries = []
    for ids in trails:
        with following(ids):
            deliveries.append(await post.enqueue(max_attempts=1))
    async with post.working():
        for delivery in deliveries:
            await post.becomes(delivery)
    told = []
    for ids, delivery in zip(trails, deliveries, strict=True):
        lines = log.of(delivery)
        assert [carried for _, carried in lines] == [{**ids, "delivery_id": str(delivery.id)}] * len(lines)
        told.append([message.partition(" ")[0] for message, _ in lines])
    assert told == [
        ["delivery.started", "attempt", "delivery.failed"],
        ["delivery.started", "delivery.failed"],
        ["delivery.started", "delivery.completed"],
    ]


async def test_every_attempt_is_a_span_in_the_trace_of_the_request(post: Post, runtime: Noting, spans: Spans) -> None:
    runtime.orders = [trouble(), {"ok": True}]
    with following(TRAIL):
        delivery = await post.enqueue()
    async with post.working():
        await runtime.arrival()
        await post.store.until(lambda: post.store.deliveries[delivery.id].next_attempt_at is not None)
        waiting = post.store.deliveries[delivery.id].next_attempt_at
        assert waiting is not None
        post.clock.time = waiting
        await post.becomes(delivery)
    first, second = spans.ended
    for number, span in enumerate((first, second), start=1):
        assert span.name == "delivery attempt"
        assert TRAIL["traceparent"].startswith(f"00-{span.trace_id}-{span.parent_id}-")
        assert span.about.items() >= {
            ("delivery.id", str(delivery.id)),
            ("delivery.mode", "http"),
            ("delivery.attempt", number),
        }
    assert (first.status, second.status) == ("DispatchFailed", None)
    assert runtime.trails == [_within(span, delivery) for span in (first, second)]


async def test_an_attempt_of_a_delivery_without_a_trail_begins_a_trace_of_its_own(post: Post, spans: Spans) -> None:
    post.runtime.release.set()
    async with post.working():
        for delivery in [await post.enqueue(), await post.enqueue()]:
            await post.becomes(delivery)
    one, other = spans.ended
    assert (one.parent_id, other.parent_id) == ("", "")
    assert one.trace_id != other.trace_id


async def test_a_span_holds_nothing_of_what_is_sent(post: Post, spans: Spans) -> None:
    post.runtime.orders = [RuntimeError("hunter2")]
    params = {"host": "127.0.0.1", "path": "/secret/hunter2", "headers": {"Authorization": "Bearer hunter2"}}
    async with post.working():
        await post.becomes(await post.enqueue(params=params, max_attempts=1))
    assert "hunter2" not in repr(spans.only)
    assert "harbour" not in repr(spans.only)


def _within(span: KeptSpan, delivery: Delivery) -> Mapping[str, str]:
    """The trail of an attempt."""
    return {**TRAIL, "delivery_id": str(delivery.id), "traceparent": span.traceparent}
