"""A worker delivers what is due, records what came of it, and leaves nothing behind."""

import asyncio
import logging
from datetime import timedelta

import pytest

from lora_manager.domain.delivery import Mode, Outcome, Progress, Status
from lora_manager.domain.events import EventName
from tests.unit.app.deliveries.post import PATIENCE_S, SDNEXT, Post, trouble


async def test_what_was_accepted_is_delivered(post: Post) -> None:
    post.runtime.orders = [{"answer": 42}]
    async with post.working():
        delivery = await post.becomes(await post.enqueue())
    assert (delivery.status, delivery.result, delivery.error) == (Status.SUCCEEDED, {"answer": 42}, None)
    assert [(attempt.worker, attempt.outcome) for attempt in delivery.attempts] == [("one", Outcome.SUCCEEDED)]
    assert [event.name for event in post.events.events] == [
        EventName.DELIVERY_ENQUEUED,
        EventName.DELIVERY_STARTED,
        EventName.DELIVERY_COMPLETED,
    ]


async def test_what_was_accepted_while_no_worker_ran_is_delivered_by_the_next(post: Post) -> None:
    post.runtime.release.set()
    accepted = [await post.enqueue() for _ in range(50)]
    async with post.working():
        for delivery in accepted:
            assert (await post.becomes(delivery)).status is Status.SUCCEEDED
    assert sorted(post.runtime.begun) == [(delivery.id, 1) for delivery in accepted]


async def test_a_failure_that_may_pass_is_tried_again_after_its_wait(post: Post) -> None:
    post.runtime.orders = [trouble(), {"ok": True}]
    async with post.working():
        waiting = await post.becomes(await post.enqueue(), Status.RETRYING)
        assert waiting.next_attempt_at == post.clock.time + timedelta(seconds=2)
        assert post.runtime.begun == [(waiting.id, 1)]
        post.clock.time += timedelta(seconds=2)
        delivery = await post.becomes(waiting)
    assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.FAILED, Outcome.SUCCEEDED]


async def test_a_failure_that_cannot_pass_is_not_tried_again(post: Post) -> None:
    post.runtime.orders = [trouble(retryable=False)]
    async with post.working():
        delivery = await post.becomes(await post.enqueue())
    assert delivery.status is Status.FAILED
    assert len(delivery.attempts) == 1
    assert delivery.error is not None
    assert delivery.error.message == "the runtime has trouble"


async def test_the_last_attempt_allowed_is_the_last(post: Post) -> None:
    post.runtime.orders = [trouble(), trouble(), {"never": "reached"}]
    async with post.working():
        delivery = await post.enqueue(max_attempts=2)
        await post.becomes(delivery, Status.RETRYING)
        post.clock.time += timedelta(minutes=10)
        assert (await post.becomes(delivery)).status is Status.FAILED
        post.clock.time += timedelta(minutes=10)
        await post.retry(delivery.id)
        assert (await post.becomes(delivery)).result == {"never": "reached"}


async def test_an_attempt_that_takes_too_long_is_stopped_and_counts_as_failed(post: Post) -> None:
    async with post.working():
        delivery = await post.becomes(await post.enqueue(timeout_s=0.1, max_attempts=1))
    assert delivery.error is not None
    assert (delivery.error.code, delivery.error.retryable) == ("timeout", True)
    assert "timeout_s" in delivery.error.message
    assert post.runtime.cancelled == [delivery.id]


@pytest.mark.parametrize("fault", [RuntimeError("bug"), {"not": {1, 2}}, {"nan": float("nan")}])
async def test_a_fault_of_the_dispatcher_fails_the_attempt_and_not_the_worker(
    post: Post, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    post.runtime.orders = [fault, {"ok": True}]
    with caplog.at_level(logging.ERROR):
        async with post.working():
            delivery = await post.becomes(await post.enqueue(max_attempts=1))
            assert (await post.becomes(await post.enqueue())).status is Status.SUCCEEDED
    assert delivery.error is not None
    assert delivery.error.code == "fault"
    assert "fault of the dispatcher" in caplog.text


async def test_no_more_than_its_concurrency_run_at_once(post: Post) -> None:
    for _ in range(7):
        await post.enqueue()
    async with post.working(post.worker(concurrency=3)):
        for _ in range(3):
            await post.runtime.arrival()
        post.runtime.release.set()
        for _ in range(4):
            await post.runtime.arrival()
    assert post.runtime.most_at_once == 3


async def test_a_runtime_that_draws_images_gets_one_after_the_other(post: Post) -> None:
    drawn = [await post.enqueue(mode=Mode.SDNEXT, params=SDNEXT) for _ in range(3)]
    other = await post.enqueue(mode=Mode.SDNEXT, params={"base_url": "http://127.0.0.1:7861"})
    async with post.working(), post.working(post.worker("two")):
        await post.runtime.arrival()
        await post.runtime.arrival()
        assert {delivery_id for delivery_id, _ in post.runtime.begun} == {drawn[0].id, other.id}
        post.runtime.release.set()
        for delivery in (*drawn, other):
            assert (await post.becomes(delivery)).status is Status.SUCCEEDED
    assert post.runtime.most_at_once == 2


async def test_progress_is_stored_while_the_attempt_runs(post: Post) -> None:
    async with post.working():
        delivery = await post.enqueue()
        await post.runtime.arrival()
        post.runtime.reports[0](Progress(0.25, "step 5 of 20"))
        await post.store.until(lambda: post.store.deliveries[delivery.id].progress == Progress(0.25, "step 5 of 20"))
        post.runtime.release.set()
        await post.becomes(delivery)


async def test_a_lease_is_renewed_for_as_long_as_the_attempt_runs(post: Post) -> None:
    async with post.working(post.worker(lease=timedelta(milliseconds=15))):
        delivery = await post.enqueue()
        await post.runtime.arrival()
        first = (await post.catalog.get(delivery.id)).lease
        post.clock.time += timedelta(milliseconds=10)
        await post.store.until(lambda: post.store.deliveries[delivery.id].lease != first)
        post.runtime.release.set()
        assert len((await post.becomes(delivery)).attempts) == 1


async def test_what_is_cancelled_is_stopped_and_stays_cancelled(post: Post) -> None:
    async with post.working():
        delivery = await post.enqueue()
        await post.runtime.arrival()
        await post.cancel(delivery.id)
        await post.runtime.stop()
    stored = await post.catalog.get(delivery.id)
    assert stored.status is Status.CANCELLED
    assert [attempt.outcome for attempt in stored.attempts] == [Outcome.CANCELLED]


async def test_what_a_dead_worker_held_goes_to_another_once_its_lease_ran_out(post: Post) -> None:
    stop = asyncio.Event()
    dead = asyncio.create_task(post.worker("dead").run(stop))
    delivery = await post.enqueue()
    await post.runtime.arrival()
    post.store.is_away = True  # it cannot even say goodbye
    dead.cancel()
    await asyncio.gather(dead, return_exceptions=True)
    post.store.is_away = False
    async with post.working(post.worker("heir")):
        post.clock.time += timedelta(seconds=31)
        await post.runtime.arrival()
        post.runtime.release.set()
        inherited = await post.becomes(delivery)
    assert [(a.worker, a.outcome) for a in inherited.attempts] == [("dead", Outcome.LOST), ("heir", Outcome.SUCCEEDED)]


async def test_a_worker_that_comes_back_late_cannot_record_over_its_heir(post: Post) -> None:
    async with post.working(post.worker("late", look_every=timedelta(seconds=60))):
        delivery = await post.enqueue()
        await post.runtime.arrival()
        post.clock.time += timedelta(seconds=31)
        async with post.working(post.worker("heir")):
            await post.runtime.arrival()
            post.runtime.release.set()
            first = await post.becomes(delivery)
    assert await post.catalog.get(delivery.id) == first
    assert [attempt.worker for attempt in first.attempts if attempt.outcome is Outcome.SUCCEEDED] == ["heir"]


async def test_a_worker_told_to_stop_finishes_what_it_holds(post: Post) -> None:
    async with post.working() as stop:
        delivery = await post.enqueue()
        await post.runtime.arrival()
        stop.set()
        post.runtime.release.set()
    assert (await post.catalog.get(delivery.id)).status is Status.SUCCEEDED


async def test_what_is_not_done_within_the_grace_is_handed_back(post: Post) -> None:
    async with post.working(post.worker(grace=timedelta(milliseconds=20))):
        delivery = await post.enqueue()
        await post.runtime.arrival()
    handed_back = await post.catalog.get(delivery.id)
    assert handed_back.status is Status.RETRYING
    assert handed_back.is_due(post.clock.time)
    assert post.runtime.cancelled == [delivery.id]
    async with post.working(post.worker("heir")):
        await post.runtime.arrival()
        post.runtime.release.set()
        assert (await post.becomes(delivery)).attempts[0].outcome is Outcome.HANDED_BACK


async def test_while_the_store_is_away_results_wait_and_nothing_is_lost(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    async with post.working():
        delivery = await post.enqueue()
        await post.runtime.arrival()
        post.store.is_away = True
        post.runtime.release.set()
        for _ in range(3):
            await asyncio.wait_for(post.store.refusals.acquire(), PATIENCE_S)
        post.store.is_away = False
        assert (await post.becomes(delivery)).status is Status.SUCCEEDED
    assert post.runtime.begun == [(delivery.id, 1)]
    assert caplog.text.count("the database is away") == 1


async def test_a_worker_for_one_delivery_leaves_the_others_alone(post: Post) -> None:
    other, mine = await post.enqueue(), await post.enqueue()
    post.runtime.release.set()
    stop = asyncio.Event()
    task = asyncio.create_task(post.worker().run(stop, only=mine.id))
    assert (await post.becomes(mine)).status is Status.SUCCEEDED
    stop.set()
    await task
    assert (await post.catalog.get(other.id)).status is Status.PENDING


async def test_watching_tells_every_change_until_the_end(post: Post) -> None:
    post.runtime.release.set()
    delivery = await post.enqueue()
    async with post.working():
        seen = [state async for state in post.watch(delivery.id)]
    assert seen[0].id == delivery.id
    assert seen[-1].status is Status.SUCCEEDED
    assert [state.revision for state in seen] == sorted({state.revision for state in seen})
