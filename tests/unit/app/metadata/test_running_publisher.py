"""A publisher at work until it is told to stop."""

import asyncio

import pytest

from lora_manager.app.metadata import publisher
from lora_manager.app.metadata.publisher import BATCH
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.publication import PublicationState
from lora_manager.ports.unit_of_work import UnitOfWork
from tests.unit.app.deliveries.post import PATIENCE_S
from tests.unit.app.metadata.press import Hold, Press


@pytest.fixture
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "LOOK_EVERY_S", 0.001)


@pytest.mark.usefixtures("looking_often")
async def test_a_running_publisher_publishes_what_becomes_due(press: Press) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(press.publisher.run(stop))
    for number in range(3):
        await press.register(f"ink {number}")
        await asyncio.wait_for(press.sink.arrivals.acquire(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_S)
    assert len(await press.documents()) == 3


async def test_a_running_publisher_does_not_pause_while_there_is_more_than_one_batch(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "LOOK_EVERY_S", 3_600)
    for number in range(BATCH + 1):
        await press.register(f"ink {number}")
    stop = asyncio.Event()
    running = asyncio.create_task(press.publisher.run(stop))
    for _ in range(BATCH + 1):
        await asyncio.wait_for(press.sink.arrivals.acquire(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_S)
    assert len(await press.documents()) == BATCH + 1


async def test_a_publisher_told_to_stop_finishes_what_is_under_way(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.before = [hold]
    stop = asyncio.Event()
    running = asyncio.create_task(press.publisher.run(stop))
    await hold.arrived()
    stop.set()
    hold.release.set()
    await asyncio.wait_for(running, PATIENCE_S)
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_an_idle_publisher_ends_once_it_is_told_to_stop(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "LOOK_EVERY_S", 3_600)
    ink = await press.register()
    stop = asyncio.Event()
    running = asyncio.create_task(press.publisher.run(stop))
    await asyncio.wait_for(press.sink.arrivals.acquire(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_S)
    assert press.publication(ink).state is PublicationState.SYNCED


@pytest.mark.usefixtures("looking_often")
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unavailable("the database is away"), "publishing metadata waits until the store answers again"),
        (ZeroDivisionError("nothing"), "a fault of this service keeps metadata from being published"),
    ],
)
async def test_a_running_publisher_outlives_a_store_that_fails(
    press: Press, caplog: pytest.LogCaptureFixture, error: Exception, told: str
) -> None:
    ink = await press.register()
    failures = [error] * 3

    def begin() -> UnitOfWork:
        if failures:
            raise failures.pop()
        return press.begin()

    stop = asyncio.Event()
    running = asyncio.create_task(press.new_publisher(begin).run(stop))
    await asyncio.wait_for(press.sink.arrivals.acquire(), PATIENCE_S)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_S)
    assert press.publication(ink).state is PublicationState.SYNCED
    assert told in caplog.text
    assert caplog.text.count("waits until") <= 1
