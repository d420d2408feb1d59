"""The contract of ``ports.publications.PublicationCatalog``."""

from contextlib import aclosing
from datetime import timedelta

from lora_manager.adapters.database.publication_catalog import PAGE
from lora_manager.ports.publications import Backlog
from tests.contract.examples import LATER, LEASE, NOW, new_id
from tests.contract.publication_examples import a_change, failed, synced, waiting
from tests.contract.stores import Stores


async def test_publications_are_told_of_the_loras_that_have_one(stores: Stores) -> None:
    known = {one.lora_id: one for one in [*(waiting() for _ in range(600)), synced(), failed()]}
    await stores.publish(*known.values())
    assert await stores.publications.of([*known, new_id()]) == known
    one, other, *_ = known
    assert await stores.publications.of([other, new_id(), one, other]) == {one: known[one], other: known[other]}
    assert await stores.publications.of([new_id()]) == {}
    assert await stores.publications.of([]) == {}


async def test_what_is_not_committed_is_seen_by_nobody_else(stores: Stores) -> None:
    known = synced()
    await stores.publish(known)
    async with stores.begin() as uow:
        await uow.publications.announce(a_change(), a_change(known.lora_id, 2))
        assert await stores.publications.of([known.lora_id]) == {known.lora_id: known}
        assert [one async for one in stores.publications.all()] == [known]
        assert await stores.publications.backlog() == Backlog(0, None)


async def test_all_are_told_ordered_by_lora(stores: Stores) -> None:
    assert [one async for one in stores.publications.all()] == []
    publications = [waiting() for _ in range(2 * PAGE)]
    await stores.publish(*reversed(publications))
    assert [one async for one in stores.publications.all()] == publications
    publications.append(synced())
    await stores.publish(publications[-1])
    assert [one async for one in stores.publications.all()] == publications


async def test_going_through_all_of_them_holds_up_nobody_who_writes(stores: Stores) -> None:
    publications = [waiting() for _ in range(PAGE + 1)]
    await stores.publish(*publications)
    told = []
    async with aclosing(stores.publications.all()) as everything:
        async for publication in everything:
            told.append(publication.lora_id)
            if len(told) == 1:
                await stores.announce(a_change(publication.lora_id, 2))
    assert told == [publication.lora_id for publication in publications]


async def test_going_through_them_may_end_early(stores: Stores) -> None:
    publications = [waiting(), waiting()]
    await stores.publish(*publications)
    async with aclosing(stores.publications.all()) as everything:
        assert await anext(everything) == publications[0]
    await stores.announce(a_change())


async def test_the_backlog_tells_how_many_wait_and_since_when(stores: Stores) -> None:
    assert await stores.publications.backlog() == Backlog(0, None)
    await stores.publish(synced())
    assert await stores.publications.backlog() == Backlog(0, None)
    later = waiting(LATER)
    await stores.publish(later)
    assert await stores.publications.backlog() == Backlog(1, LATER)
    claimed = failed().claimed(now=LATER, lease=LEASE)
    await stores.publish(claimed)
    assert await stores.publications.backlog() == Backlog(2, NOW)
    await stores.publish(claimed.published(1, "s3://b/k", "v", now=LATER)[0])
    await stores.announce(a_change(later.lora_id, 2, at=LATER + timedelta(days=1)))
    assert await stores.publications.backlog() == Backlog(1, LATER)


async def test_what_is_published_once_more_though_nothing_changed_does_not_wait(stores: Stores) -> None:
    await stores.publish(synced().claimed(now=LATER, lease=LEASE))
    assert await stores.publications.backlog() == Backlog(0, None)
