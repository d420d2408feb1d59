"""The contract of ``ports.publications.PublicationRepository``."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.events import EventName
from lora_manager.domain.publication import Publication
from tests.contract.examples import LATER, LEASE, NOW, a_lora, new_id
from tests.contract.publication_examples import a_change, failed, synced, waiting
from tests.contract.stores import Stores, memory_stores, sql_stores

MUCH_LATER = LATER + timedelta(days=1)


@pytest.fixture
async def silent(url: str | None) -> AsyncIterator[Stores]:
    """An empty registry of a deployment that publishes nothing."""
    if url is None:
        yield memory_stores(publishes=False)
        return
    async with sql_stores(url, publishes=False) as stores:
        yield stores


async def stored(stores: Stores, *lora_ids: UUID) -> list[Publication]:
    async with stores.begin() as uow:
        return list(await uow.publications.get(*lora_ids))


async def test_the_first_announcement_makes_the_publication(stores: Stores) -> None:
    news = a_change(revision=7, event=EventName.RESTORED, trail={"request_id": "1"})
    await stores.announce(news)
    assert await stored(stores, news.lora_id) == [Publication.of(news)]


@pytest.mark.parametrize("known", [waiting(), synced(), failed()], ids=lambda one: one.state)
@pytest.mark.parametrize("revision", [1, 2])
async def test_a_change_is_published_at_once_whatever_was_before(
    stores: Stores, known: Publication, revision: int
) -> None:
    news = a_change(known.lora_id, revision, at=MUCH_LATER, event=EventName.DELETED, trail={"request_id": "2"})
    await stores.publish(known)
    await stores.announce(news)
    expected = known.announced(news)
    assert (expected.due_at, expected.trail) == (MUCH_LATER, {"request_id": "2"})
    assert await stored(stores, known.lora_id) == [expected]


async def test_news_older_than_what_is_known_changes_nothing(stores: Stores) -> None:
    known = synced().announced(a_change(revision=3))
    await stores.publish(known)
    await stores.announce(a_change(known.lora_id, 2, at=MUCH_LATER, event=EventName.DELETED, trail={"old": "1"}))
    assert await stored(stores, known.lora_id) == [known]


@pytest.mark.parametrize("revisions", [(1, 2, 3), (3, 1, 2), (2, 2), (1, 9, 5)])
@pytest.mark.parametrize("is_known", [False, True], ids=["first", "known at 2"])
async def test_one_call_may_announce_several_changes_of_a_lora(
    stores: Stores, revisions: tuple[int, ...], is_known: bool
) -> None:
    lora_id = new_id()
    news = [a_change(lora_id, revision, at=NOW + timedelta(hours=n)) for n, revision in enumerate(revisions, 1)]
    earlier = [a_change(lora_id, 2)] if is_known else []
    settled = [Publication.of(one).published(2, "u", "v", now=LATER)[0] for one in earlier]
    await stores.publish(*settled)
    others = [a_change(), a_change()]
    await stores.announce(others[0], *news, others[1])
    expected, rest = (settled[0], news) if settled else (Publication.of(news[0]), news[1:])
    for one in rest:
        expected = expected.announced(one)
    assert await stored(stores, lora_id) == [expected]
    assert await stored(stores, *(one.lora_id for one in others)) == [Publication.of(one) for one in others]


async def test_many_are_announced_in_one_call(stores: Stores) -> None:
    news = [a_change() for _ in range(5_000)]
    await stores.announce(*reversed(news))
    assert await stored(stores, *(one.lora_id for one in news)) == [Publication.of(one) for one in news]


async def test_announcing_nothing_changes_nothing(stores: Stores) -> None:
    await stores.announce()
    await stores.publish()
    assert [one async for one in stores.publications.all()] == []


async def test_where_nothing_is_published_nothing_is_noted(silent: Stores) -> None:
    known = synced()
    await silent.publish(known)
    await silent.announce(a_change(), a_change(known.lora_id, 2))
    assert [one async for one in silent.publications.all()] == [known]


async def test_where_nothing_is_published_what_was_noted_before_can_still_be(silent: Stores) -> None:
    known = waiting()
    await silent.publish(known)
    async with silent.begin() as uow:
        assert await uow.publications.due(NOW, 9) == [known]
        assert await uow.publications.get(known.lora_id) == [known]


async def test_an_announcement_becomes_visible_with_the_change_and_not_before(stores: Stores) -> None:
    lora = a_lora()
    news = a_change(lora.id)
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        await uow.publications.announce(news)
        assert await stores.publications.of([lora.id]) == {}
        with pytest.raises(LoraNotFound):
            await stores.catalog.get(lora.id)
        await uow.commit()
    assert await stores.catalog.get(lora.id) == lora
    assert await stores.publications.of([lora.id]) == {lora.id: Publication.of(news)}


async def test_what_is_not_committed_leaves_no_trace(stores: Stores) -> None:
    known, other, lora = synced(), waiting(), a_lora()
    await stores.publish(known)
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        await uow.publications.announce(a_change(lora.id), a_change(known.lora_id, 2))
        await uow.publications.put(other)
    assert await stored(stores, known.lora_id, other.lora_id, lora.id) == [known]
    assert [one async for one in stores.publications.all()] == [known]


async def test_a_unit_of_work_sees_its_own_changes(stores: Stores) -> None:
    news = a_change()
    async with stores.begin() as uow:
        await uow.publications.announce(news)
        [first] = await uow.publications.due(NOW, 9)
        assert first == Publication.of(news)
        claimed = first.claimed(now=NOW, lease=LEASE)
        await uow.publications.put(claimed)
        assert await uow.publications.get(news.lora_id) == [claimed]
        assert await uow.publications.due(NOW, 9) == []


async def test_a_unit_of_work_is_good_for_several_commits(stores: Stores) -> None:
    news = a_change()
    async with stores.begin() as uow:
        await uow.publications.announce(news)
        await uow.commit()
        await uow.publications.announce(a_change(news.lora_id, 2))
        await uow.commit()
        await uow.publications.announce(a_change(news.lora_id, 3))
    assert (await stores.publications.of([news.lora_id]))[news.lora_id].revision == 2


async def test_get_answers_in_the_order_asked_each_once_without_unknown_ids(stores: Stores) -> None:
    a, b = synced(), waiting()
    await stores.publish(a, b)
    assert await stored(stores, b.lora_id, new_id(), a.lora_id, b.lora_id) == [b, a]
    assert await stored(stores) == []


async def test_lists_may_be_longer_than_a_statement_takes_parameters(stores: Stores) -> None:
    known = waiting()
    await stores.publish(known)
    assert await stored(stores, *(new_id() for _ in range(40_000)), known.lora_id) == [known]


async def test_those_due_longest_come_first_up_to_the_limit(stores: Stores) -> None:
    same = [waiting(LATER), waiting(LATER)]
    longest, future = waiting(NOW), waiting(LATER + timedelta(microseconds=1))
    await stores.publish(future, same[1], same[0], longest, synced())
    async with stores.begin() as uow:
        assert await uow.publications.due(LATER, 9) == [longest, *same]
        assert await uow.publications.due(LATER, 2) == [longest, same[0]]
        assert await uow.publications.due(NOW - timedelta(microseconds=1), 9) == []


async def test_one_that_was_claimed_is_due_again_when_the_lease_is_over(stores: Stores) -> None:
    claimed = waiting().claimed(now=NOW, lease=LEASE)
    await stores.publish(claimed)
    async with stores.begin() as uow:
        assert await uow.publications.due(NOW + LEASE - timedelta(microseconds=1), 9) == []
        assert await uow.publications.due(NOW + LEASE, 9) == [claimed]


async def test_put_stores_new_ones_and_changed_ones(stores: Stores) -> None:
    known, new, untouched = waiting(), synced(), failed()
    await stores.publish(known, untouched)
    changed = known.claimed(now=NOW, lease=LEASE).withdrawn(1, now=LATER)[0]
    await stores.publish(changed, new)
    everything = [changed, new, untouched]
    assert await stored(stores, *(one.lora_id for one in everything)) == everything


async def test_the_last_one_put_for_a_lora_is_the_one_kept(stores: Stores) -> None:
    first = synced()
    second = first.announced(a_change(first.lora_id, 2))
    await stores.publish(second, waiting(), first)
    assert await stored(stores, first.lora_id) == [first]
    await stores.publish(first, second)
    assert await stored(stores, first.lora_id) == [second]
