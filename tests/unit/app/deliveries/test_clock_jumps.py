"""A clock that jumps by an hour: nothing is lost, begun twice by one worker, or waits for longer than the jump."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from lora_manager.domain.delivery import Delivery, Mode, Outcome, Status
from tests.unit.app.deliveries.post import SDNEXT, Post, trouble

HOUR = timedelta(hours=1)


async def test_forward_a_worker_does_not_begin_again_what_it_is_at(post: Post) -> None:
    async with post.working():
        first = await under_way(post)
        post.clock.time += HOUR
        await under_way(post)  # begun by the turn that might have begun the first one again
        assert attempts_at(post, first) == [1]
        post.runtime.release.set()
        delivered = await post.becomes(first)
    assert [(one.number, one.outcome) for one in delivered.attempts] == [(1, Outcome.SUCCEEDED)]


async def test_forward_a_runtime_that_is_busy_gets_nothing_more(post: Post) -> None:
    first, second = [await post.enqueue(mode=Mode.SDNEXT, params=SDNEXT) for _ in range(2)]
    async with post.working():
        await post.runtime.arrival()
        post.clock.time += HOUR
        await under_way(post)
        assert attempts_at(post, second) == []
        post.runtime.release.set()
        for delivery in (first, second):
            assert (await post.becomes(delivery)).status is Status.SUCCEEDED
    assert attempts_at(post, first) == attempts_at(post, second) == [1]


async def test_back_what_a_worker_is_at_is_held_for_no_longer_than_a_lease_from_then(post: Post) -> None:
    lease = timedelta(milliseconds=30)
    async with post.working(post.worker(lease=lease)):
        first = await under_way(post)
        post.clock.time -= HOUR
        await post.store.until(lambda: lease_of(post, first) == post.clock.time + lease)
        post.runtime.release.set()
        delivered = await post.becomes(first)
    assert [(one.number, one.outcome) for one in delivered.attempts] == [(1, Outcome.SUCCEEDED)]


async def test_back_what_waited_goes_on_when_the_hour_is_over_and_what_is_new_at_once(post: Post) -> None:
    post.runtime.orders = [trouble()]
    async with post.working():
        failed = await post.becomes(await post.enqueue(), Status.RETRYING)
    waiting = await post.enqueue()
    post.clock.time -= HOUR
    post.runtime.release.set()
    async with post.working():
        await post.becomes(await post.enqueue())
        assert statuses(post, failed, waiting) == [Status.RETRYING, Status.PENDING]
        post.clock.time += HOUR + timedelta(seconds=2)  # which the failed one was to wait
        for delivery in (failed, waiting):
            assert (await post.becomes(delivery)).status is Status.SUCCEEDED


async def test_back_what_a_dead_worker_held_is_taken_when_the_hour_and_its_lease_are_over(post: Post) -> None:
    worker = post.worker("dead")
    working = asyncio.create_task(worker.run(asyncio.Event()))
    first = await under_way(post)
    post.store.is_away = True  # so that it records nothing when it dies
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    post.store.is_away = False
    post.clock.time -= HOUR
    post.runtime.release.set()
    async with post.working():
        await post.becomes(await post.enqueue())
        assert statuses(post, first) == [Status.RUNNING]
        post.clock.time += HOUR + timedelta(seconds=30)
        delivered = await post.becomes(first)
    assert [one.outcome for one in delivered.attempts] == [Outcome.LOST, Outcome.SUCCEEDED]


async def under_way(post: Post) -> Delivery:
    """A delivery whose attempt has begun, and goes on until the runtime is released."""
    delivery = await post.enqueue()
    await post.runtime.arrival()
    return delivery


def attempts_at(post: Post, delivery: Delivery) -> Sequence[int]:
    """The numbers of the attempts that the runtime saw."""
    return [number for delivery_id, number in post.runtime.begun if delivery_id == delivery.id]


def lease_of(post: Post, delivery: Delivery) -> object:
    lease = post.store.deliveries[delivery.id].lease
    return lease and lease.until


def statuses(post: Post, *deliveries: Delivery) -> Sequence[Status]:
    """As they are stored."""
    return [post.store.deliveries[delivery.id].status for delivery in deliveries]
