"""Many workers at once: each attempt is one worker's, and what came too late writes nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from lora_manager.domain.delivery import Delivery, IdempotencyKey, LeaseLost, Outcome, Status
from lora_manager.domain.errors import Conflict
from lora_manager.ports.deliveries import DeliverySelection
from tests.contract.examples import LATER, LEASE, NOW, a_delivery, claimed
from tests.contract.stores import NewUrl, Stores, sql_stores

WORKERS = 8
LEASE_OVER = NOW + LEASE
RUNNING = DeliverySelection(statuses=frozenset({Status.RUNNING}))


@pytest.fixture(params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], ids=str)
async def workers(request: pytest.FixtureRequest, new_url: NewUrl) -> AsyncIterator[list[Stores]]:
    """One store as several workers see it: all through one set of connections, or half of them through another."""
    system, count = request.param
    url = new_url(system)
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(sql_stores(url)) for _ in range(count)]
        yield [opened[number % count] for number in range(WORKERS)]


@pytest.fixture
async def postgres(new_url: NewUrl) -> AsyncIterator[Stores]:
    """A store where units of work run beside each other."""
    async with sql_stores(new_url("postgresql")) as stores:
        yield stores


async def claim(stores: Stores, limit: int, at_once: int = 1) -> list[Delivery]:
    """Claim what is due, or find that its lease ran out and claim it then."""
    taken = []
    async with stores.begin() as uow:
        for delivery in await uow.deliveries.due(LEASE_OVER, limit, at_once=at_once):
            waiting, _ = delivery.expire(now=LEASE_OVER) if delivery.lease else (delivery, ())
            taken.append(claimed(waiting, LEASE_OVER))
        await uow.deliveries.save(*taken)
        await uow.commit()
    return taken


async def succeed(stores: Stores, *running: Delivery) -> None:
    """Record, each under the fence it was claimed with."""
    fences = {delivery.id: delivery.fence for delivery in running}
    async with stores.begin() as uow:
        held = await uow.deliveries.get(*fences)
        await uow.deliveries.save(*(one.succeed(fences[one.id], {}, now=LEASE_OVER)[0] for one in held))
        await uow.commit()


async def test_workers_that_claim_at_once_get_each_delivery_once(workers: list[Stores]) -> None:
    waiting = [a_delivery() for _ in range(60)]
    lost = [claimed(a_delivery(), NOW) for _ in range(20)]
    await workers[0].accept(*waiting, *lost)

    async def work(stores: Stores) -> list[Delivery]:
        mine: list[Delivery] = []
        while taken := await claim(stores, limit=3):
            await succeed(stores, *taken)
            mine += taken
        return mine

    claims = [delivery for mine in await asyncio.gather(*map(work, workers)) for delivery in mine]
    claims += await claim(workers[0], limit=500)  # what each passed over because another one held it
    assert Counter(delivery.id for delivery in claims) == Counter(delivery.id for delivery in [*waiting, *lost])
    fences = {one.id: one.fence for one in await workers[0].deliveries.page(DeliverySelection(limit=500))}
    assert fences == {**{one.id: 1 for one in waiting}, **{one.id: 2 for one in lost}}


@pytest.mark.parametrize("at_once", [1, 2])
async def test_no_runtime_ever_gets_more_at_once_than_it_takes(workers: list[Stores], at_once: int) -> None:
    waiting = [a_delivery(runtime=f"gpu:{number % 2}") for number in range(40)]
    await workers[0].accept(*waiting)
    most: Counter[str | None] = Counter()

    async def work(stores: Stores) -> None:
        nonlocal most
        while await stores.deliveries.waiting():
            taken = await claim(stores, limit=5, at_once=at_once)
            running = Counter(delivery.runtime for delivery in await stores.deliveries.page(RUNNING))
            most.update(dict.fromkeys(running, 0))
            for runtime, count in running.items():
                most[runtime] = max(most[runtime], count)
            await succeed(stores, *taken)

    await asyncio.gather(*map(work, workers))
    assert max(most.values()) == at_once
    ended = await workers[0].deliveries.page(DeliverySelection(limit=500))
    assert {delivery.status for delivery in ended} == {Status.SUCCEEDED}
    assert {delivery.fence for delivery in ended} == {1}


async def test_what_another_unit_of_work_holds_is_passed_over_not_waited_for(postgres: Stores) -> None:
    held, free = a_delivery(), a_delivery()
    await postgres.accept(held, free)
    async with postgres.begin() as first, postgres.begin() as second:
        assert await first.deliveries.get(held.id) == [held]
        assert await second.deliveries.due(NOW, 9, at_once=1) == [free]


async def test_a_runtime_that_another_unit_of_work_claims_from_is_passed_over(postgres: Stores) -> None:
    waiting = [a_delivery(runtime="gpu:1") for _ in range(2)]
    elsewhere = a_delivery(runtime="gpu:2", created_at=LATER)
    await postgres.accept(*waiting, elsewhere)
    async with postgres.begin() as second:
        async with postgres.begin() as first:
            assert await first.deliveries.due(NOW, 9, at_once=1) == waiting[:1]
            assert await second.deliveries.due(LATER, 9, at_once=1) == [elsewhere]
            await first.deliveries.save(claimed(waiting[0]))
            await first.commit()
        assert await second.deliveries.due(LATER, 9, at_once=1) == [elsewhere]


async def test_what_a_unit_of_work_gave_up_is_claimed_by_the_next(postgres: Stores) -> None:
    waiting = a_delivery(runtime="gpu:1")
    await postgres.accept(waiting)
    async with postgres.begin() as second:
        async with postgres.begin() as first:
            assert await first.deliveries.due(NOW, 9, at_once=1) == [waiting]
            assert await second.deliveries.due(NOW, 9, at_once=1) == []
        assert await second.deliveries.due(NOW, 9, at_once=1) == [waiting]


async def test_who_lost_the_lease_cannot_write_over_a_newer_attempt(workers: list[Stores]) -> None:
    first, second = workers[:2]
    lost = claimed(a_delivery(), NOW)
    await first.accept(lost)
    (newer,) = await claim(second, limit=1)
    assert [attempt.outcome for attempt in newer.attempts] == [Outcome.LOST, None]
    with pytest.raises(LeaseLost):
        await succeed(first, lost)
    with pytest.raises(Conflict):
        await first.change(lost.succeed(lost.fence, {}, now=NOW)[0])
    assert await first.deliveries.get(lost.id) == newer
    await succeed(second, newer)
    assert (await first.deliveries.get(lost.id)).status is Status.SUCCEEDED


async def test_of_several_that_end_one_attempt_at_once_one_succeeds(workers: list[Stores]) -> None:
    running = claimed(a_delivery())
    await workers[0].accept(running)
    results = await asyncio.gather(*(succeed(stores, running) for stores in workers), return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [LeaseLost] * (WORKERS - 1)
    assert (await workers[0].deliveries.get(running.id)).revision == running.revision + 1


async def test_renewals_at_once_keep_the_lease(workers: list[Stores]) -> None:
    running = claimed(a_delivery())
    await workers[0].accept(running)

    async def renew(stores: Stores) -> None:
        async with stores.begin() as uow:
            (held,) = await uow.deliveries.get(running.id)
            assert held.lease is not None
            await uow.deliveries.save(held.renew(1, held.progress, now=held.lease.until, lease=LEASE))
            await uow.commit()

    await asyncio.gather(*map(renew, workers))
    kept = (await workers[0].deliveries.get(running.id)).lease
    assert kept is not None
    assert kept.until == NOW + (WORKERS + 1) * LEASE


async def test_of_several_with_one_idempotency_key_at_once_one_is_stored(workers: list[Stores]) -> None:
    asked = [a_delivery(idempotency=IdempotencyKey("key", str(number))) for number in range(WORKERS)]

    async def accept(stores: Stores, delivery: Delivery) -> Delivery | None:
        """The delivery that the key stands for, as whoever lost finds it; None to whoever won."""
        async with stores.begin() as uow:
            try:
                await uow.deliveries.add(delivery)
            except Conflict:
                return await uow.deliveries.with_key("key")
            await uow.commit()
        return None

    found = await asyncio.gather(*map(accept, workers, asked))
    (winner,) = (delivery for delivery, other in zip(asked, found, strict=True) if other is None)
    assert [other for other in found if other is not None] == [winner] * (WORKERS - 1)
    assert await workers[0].deliveries.page(DeliverySelection()) == [winner]
    await workers[1].change(winner.cancel(now=NOW)[0])  # nobody holds it any more
