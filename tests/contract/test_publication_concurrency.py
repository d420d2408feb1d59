"""Many that announce and publish at once: each publication is one publisher's, and no news is lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from lora_manager.domain.events import EventName
from lora_manager.domain.publication import Publication
from lora_manager.ports.publications import Backlog
from tests.contract.examples import LATER, LEASE, NOW, new_id
from tests.contract.publication_examples import a_change, synced, waiting
from tests.contract.stores import NewUrl, Stores, sql_stores

WORKERS = 8


@pytest.fixture(params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], ids=str)
async def workers(request: pytest.FixtureRequest, new_url: NewUrl) -> AsyncIterator[list[Stores]]:
    """One registry as several see it: all through one set of connections, or half of them through another."""
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


async def claim(stores: Stores, limit: int) -> list[Publication]:
    async with stores.begin() as uow:
        claimed = [one.claimed(now=NOW, lease=LEASE) for one in await uow.publications.due(NOW, limit)]
        await uow.publications.put(*claimed)
        await uow.commit()
    return claimed


async def test_publishers_that_claim_at_once_get_different_ones(workers: list[Stores]) -> None:
    publications = [waiting() for _ in range(80)]
    await workers[0].publish(*publications)

    async def work(stores: Stores) -> list[Publication]:
        mine: list[Publication] = []
        while taken := await claim(stores, 3):
            mine += taken
        return mine

    claims = [one for mine in await asyncio.gather(*map(work, workers)) for one in mine]
    claims += await claim(workers[0], 500)  # what each passed over because another one held it
    assert Counter(one.lora_id for one in claims) == Counter(one.lora_id for one in publications)


async def test_what_another_unit_of_work_holds_is_passed_over_not_waited_for(postgres: Stores) -> None:
    read, changed, due, free = publications = [waiting() for _ in range(4)]
    await postgres.publish(*publications)
    async with postgres.begin() as first, postgres.begin() as second, postgres.begin() as third:
        assert await first.publications.get(read.lora_id) == [read]
        await first.publications.announce(a_change(changed.lora_id, 2))
        assert await second.publications.due(NOW, 1) == [due]
        assert await third.publications.due(NOW, 9) == [free]


async def test_what_a_unit_of_work_gave_up_is_due_to_the_next(postgres: Stores) -> None:
    publication = waiting()
    await postgres.publish(publication)
    async with postgres.begin() as second:
        async with postgres.begin() as first:
            assert await first.publications.due(NOW, 9) == [publication]
            assert await second.publications.due(NOW, 9) == []
        assert await second.publications.due(NOW, 9) == [publication]


async def test_of_those_that_change_one_publication_at_once_each_sees_what_was_before(workers: list[Stores]) -> None:
    publication = waiting()
    await workers[0].publish(publication)

    async def change(stores: Stores) -> None:
        async with stores.begin() as uow:
            [one] = await uow.publications.get(publication.lora_id)
            await uow.publications.put(one.claimed(now=NOW, lease=LEASE))
            await uow.commit()

    await asyncio.gather(*map(change, workers))
    stored = await workers[0].publications.of([publication.lora_id])
    assert stored[publication.lora_id].attempts == WORKERS


async def test_of_changes_announced_at_once_the_latest_is_kept(workers: list[Stores]) -> None:
    lora_id = new_id()
    await asyncio.gather(
        *(stores.announce(a_change(lora_id, revision)) for revision, stores in enumerate(workers, start=1))
    )
    [publication] = (await workers[0].publications.of([lora_id])).values()
    assert publication.revision == WORKERS


async def test_those_that_announce_and_publish_the_same_ones_in_any_order_all_succeed(workers: list[Stores]) -> None:
    lora_ids = [new_id() for _ in range(50)]
    await workers[0].announce(*(a_change(lora_id) for lora_id in lora_ids))

    async def work(number: int, stores: Stores) -> None:
        ordered = lora_ids if number % 2 else lora_ids[::-1]
        async with stores.begin() as uow:
            if number % 4 < 2:
                await uow.publications.announce(*(a_change(lora_id, number + 2) for lora_id in ordered))
            else:
                stored = await uow.publications.get(*ordered)
                await uow.publications.put(*(one.claimed(now=LATER, lease=LEASE) for one in stored))
            await uow.commit()

    await asyncio.gather(*(work(number, stores) for number, stores in enumerate(workers)))
    stored = await workers[0].publications.of(lora_ids)
    assert {one.revision for one in stored.values()} == {7}


async def test_what_changed_while_it_was_published_still_waits(workers: list[Stores]) -> None:
    publication = synced()
    claimed = publication.claimed(now=NOW, lease=LEASE)
    await workers[0].publish(claimed)
    await workers[1].announce(a_change(claimed.lora_id, 2, at=LATER, event=EventName.ACTIVATED))
    async with workers[0].begin() as uow:
        [one] = await uow.publications.get(claimed.lora_id)
        await uow.publications.put(one.published(1, "s3://b/k", "v", now=LATER)[0])
        await uow.commit()
    assert await workers[1].publications.backlog() == Backlog(1, LATER)
