"""Several publishers of one registry, alive and dead: never does the older document remain over the newer."""

import asyncio
from datetime import timedelta

import pytest

from lora_manager.app.metadata.publisher import LEASE
from lora_manager.domain.events import EventName
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.publication import PublicationState
from lora_manager.ports.metadata_sink import Superseded
from tests.unit.app.metadata.press import Hold, Press


@pytest.mark.parametrize("moment", ["before it was published", "after it was published"])
async def test_what_a_dead_publisher_was_at_is_published_by_another_after_the_lease(press: Press, moment: str) -> None:
    ink = await press.register()
    hold = Hold()
    (press.sink.before if moment.startswith("before") else press.sink.after).append(hold)
    dead = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    dead.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dead

    other = press.new_publisher()
    press.clock.time += LEASE - timedelta(microseconds=1)
    assert await other.publish_due() == {}
    assert press.publication(ink).state is PublicationState.PENDING
    press.clock.time += timedelta(microseconds=1)
    await other.publish_due()
    assert await press.titles() == {"ink": None}
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_a_slow_publisher_does_not_put_an_older_document_over_a_newer(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.before = [hold]
    slow = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    revised = await press.revise(ink, "newer")
    await press.new_publisher().publish_due()
    recorded = press.publication(ink)
    hold.release.set()
    await slow
    assert await press.documents() == {f"{ink.id}.json": metadata_document(revised)}
    assert press.publication(ink) == recorded
    assert press.happened() == [EventName.METADATA_PUBLISHED]


async def test_a_slow_publisher_does_not_record_an_older_document_over_a_newer(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.after = [hold]
    slow = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    await press.revise(ink, "newer")
    await press.new_publisher().publish_due()
    recorded = press.publication(ink)
    hold.release.set()
    await slow
    assert await press.titles() == {"ink": "newer"}
    assert press.publication(ink) == recorded


async def test_many_publishers_at_once_leave_the_latest_document_of_every_lora(press: Press) -> None:
    loras = [await press.register(f"ink {number}") for number in range(30)]
    publishers = [press.new_publisher() for _ in range(4)]

    async def change(title: str) -> None:
        for lora in loras:
            await press.revise(lora, title)

    for title in ("one", "two", "three"):
        await asyncio.gather(change(title), *(publisher.publish_due(10) for publisher in publishers))
    while await press.publisher.publish_due():
        pass
    assert await press.titles() == {lora.name: "three" for lora in loras}
    assert {press.publication(lora).state for lora in loras} == {PublicationState.SYNCED}


async def test_what_a_slow_withdrawal_took_away_after_a_restore_is_published_again(press: Press) -> None:
    ink = await press.register()
    await press.delete(ink)
    hold = Hold()
    press.sink.before = [hold]
    slow = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    restored = await press.restore(ink)
    await press.new_publisher().publish_due()
    hold.release.set()
    await slow
    assert await press.documents() == {}
    await press.publisher.publish_due()
    assert await press.documents() == {f"{ink.id}.json": metadata_document(restored)}


async def test_what_a_slow_publication_put_there_after_a_deletion_is_withdrawn(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.before = [hold]
    slow = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    await press.delete(ink)
    await press.new_publisher().publish_due()
    hold.release.set()
    await slow
    await press.publisher.publish_due()
    assert await press.documents() == {}


async def test_a_later_document_of_another_registry_stays_and_is_told(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    revised = await press.revise(ink, "ours")
    theirs = metadata_document(revised).replace(b'"revision": 2', b'"revision": 9')
    await press.sink.publish(ink.id, theirs, 9)
    await press.publisher.publish_due()
    assert await press.documents() == {f"{ink.id}.json": theirs}
    publication = press.publication(ink)
    assert publication.state is PublicationState.FAILED
    assert publication.detail == str(Superseded((await press.blobs.stat(f"{ink.id}.json")).uri, 9, 2))
