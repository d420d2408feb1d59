"""Whatever a publisher does about a change, it does on the trail of the request that made the change."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from lora_manager.domain.events import Event, EventName
from lora_manager.ports.trail import following, trail
from tests.contract.spans import TRAIL, Spans
from tests.unit.app.deliveries.post import RecordedEvents
from tests.unit.app.metadata.press import AWAY, Hold, Press

Told = tuple[EventName, UUID | None, Mapping[str, str]]


class Trails(RecordedEvents):
    """Keeps what it is told, each with the trail that it was told on."""

    def __init__(self) -> None:
        self.events = []
        self.told: list[Told] = []

    def record(self, events: Sequence[Event]) -> None:
        self.told += [(event.name, event.subject, dict(trail())) for event in events]


@pytest.fixture
def spans() -> Spans:
    return Spans()


@pytest.fixture
def told() -> Trails:
    return Trails()


@pytest.fixture
async def press(spans: Spans, told: Trails) -> Press:
    press = Press()
    press.tracer, press.events = spans.tracer, told
    press.publisher = press.new_publisher()
    return press


async def test_each_publication_of_a_batch_is_told_of_on_its_own_trail(press: Press, told: Trails) -> None:
    with following({"request_id": "r-1"}):
        ink = await press.register("ink")
    with following({"request_id": "r-2"}):
        paper = await press.register("paper")
    press.sink.before_each = {paper.id: AWAY}
    await press.publisher.publish_due()
    assert sorted(told.told, key=lambda one: one[2]["request_id"]) == [
        (EventName.METADATA_PUBLISHED, ink.id, {"request_id": "r-1"}),
        (EventName.METADATA_FAILED, paper.id, {"request_id": "r-2"}),
    ]


async def test_every_attempt_is_a_span_in_the_trace_of_the_request(press: Press, spans: Spans) -> None:
    with following(TRAIL):
        lora = await press.register()
    press.sink.before = [AWAY]
    await press.publisher.publish_due()
    due = press.publication(lora).due_at
    assert due is not None
    press.clock.time = due
    await press.publisher.publish_due()
    failed, succeeded = spans.ended
    for number, span in enumerate((failed, succeeded), start=1):
        assert span.name == "publish metadata"
        assert TRAIL["traceparent"].startswith(f"00-{span.trace_id}-{span.parent_id}-")
        assert span.about.items() >= {("adapter.id", str(lora.id)), ("publication.attempt", number)}
    assert (failed.status, succeeded.status) == ("Unavailable", None)


async def test_what_changes_meanwhile_does_not_change_the_trail_of_the_attempt(press: Press, told: Trails) -> None:
    with following({"request_id": "r-1"}):
        lora = await press.register()
    hold = Hold()
    press.sink.after = [hold]
    publishing = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    with following({"request_id": "r-2"}):
        await press.revise(lora, "Ink")
    hold.release.set()
    await publishing
    assert told.told == [(EventName.METADATA_PUBLISHED, lora.id, {"request_id": "r-1"})]
    await press.publisher.publish_due()
    assert told.told[1:] == [(EventName.METADATA_PUBLISHED, lora.id, {"request_id": "r-2"})]


async def test_what_somebody_asks_to_be_published_is_on_the_trail_of_that_request(press: Press, told: Trails) -> None:
    lora = await press.register()
    with following({"request_id": "r-2"}):
        await press.publisher.publish([lora.id])
    assert told.told == [(EventName.METADATA_PUBLISHED, lora.id, {"request_id": "r-2"})]
