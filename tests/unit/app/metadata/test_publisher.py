"""What changed is published, however often it has to be tried, and once."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from lora_manager.adapters.memory.catalog import MemoryCatalog
from lora_manager.app.metadata import publisher
from lora_manager.app.metadata.publisher import AT_ONCE, LEASE, Withdrawn
from lora_manager.domain.events import EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.publication import CAP, PublicationState
from lora_manager.ports.metadata_sink import PublishedDocument
from tests.unit.app.metadata.press import AWAY, Hold, Press


async def test_a_change_is_published(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    assert await press.documents() == {f"{ink.id}.json": metadata_document(ink)}
    publication = press.publication(ink)
    assert (publication.state, publication.published_revision) == (PublicationState.SYNCED, 1)
    assert publication.uri == (await press.blobs.stat(f"{ink.id}.json")).uri
    assert publication.synced_at == press.clock.time
    assert press.happened() == [EventName.METADATA_PUBLISHED]


async def test_what_is_published_is_not_published_again(press: Press) -> None:
    await press.register()
    await press.publisher.publish_due()
    press.clock.time += LEASE
    assert await press.publisher.publish_due() == {}


async def test_several_changes_are_one_document_of_the_latest(press: Press) -> None:
    ink = await press.register()
    await press.revise(ink, "one")
    await press.revise(ink, "two")
    await press.publisher.publish_due()
    assert press.sink.calls == [(ink.id, 3)]
    assert await press.titles() == {"ink": "two"}


async def test_a_later_change_takes_the_place_of_the_document(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    before = press.publication(ink).version
    await press.revise(ink, "changed")
    await press.publisher.publish_due()
    assert await press.titles() == {"ink": "changed"}
    assert press.publication(ink).version != before
    assert press.sink.known == [None, before]


async def test_a_document_that_may_be_the_same_is_looked_at_rather_than_replaced(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish([ink.id])
    before = press.publication(ink).version
    await press.publisher.publish([ink.id])
    assert press.publication(ink).version == before
    assert press.sink.known == [None, None]


async def test_what_changed_after_it_was_claimed_is_published_with_the_change_and_once(press: Press) -> None:
    ink = await press.register()

    class RevisedMeanwhile(MemoryCatalog):
        async def find(self, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Sequence[Lora]:
            await press.revise(ink, "meanwhile")
            return await super().find(ids=ids, names=names)

    press.catalog = RevisedMeanwhile(press.store)
    await press.new_publisher().publish_due()
    assert await press.titles() == {"ink": "meanwhile"}
    assert (press.publication(ink).published_revision, press.publication(ink).state) == (2, PublicationState.SYNCED)
    assert await press.publisher.publish_due() == {}


async def test_a_publication_that_fails_is_tried_again_until_it_works(press: Press) -> None:
    press.sink.before = [AWAY] * 8
    ink = await press.register()
    waits = []
    for _ in range(8):
        [outcome] = (await press.publisher.publish_due()).values()
        publication = press.publication(ink)
        assert (outcome, publication.state, publication.detail) == (str(AWAY), PublicationState.FAILED, str(AWAY))
        assert publication.due_at is not None
        waits.append(publication.due_at - press.clock.time)
        press.clock.time = publication.due_at - timedelta(microseconds=1)
        assert await press.publisher.publish_due() == {}
        press.clock.time = publication.due_at
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=2), CAP)
    assert press.happened() == [EventName.METADATA_FAILED] * 8

    await press.publisher.publish_due()
    publication = press.publication(ink)
    assert (publication.state, publication.detail, publication.attempts) == (PublicationState.SYNCED, None, 0)
    assert press.happened() == [EventName.METADATA_PUBLISHED]


async def test_a_change_is_tried_at_once_however_often_the_one_before_failed(press: Press) -> None:
    press.sink.before = [AWAY]
    ink = await press.register()
    await press.publisher.publish_due()
    await press.revise(ink, "changed")
    assert press.publication(ink).state is PublicationState.FAILED
    await press.publisher.publish_due()
    assert await press.titles() == {"ink": "changed"}


async def test_one_that_fails_holds_up_no_other(press: Press) -> None:
    ink, paper = await press.register("ink"), await press.register("paper")
    press.sink.before_each[ink.id] = AWAY
    outcomes = await press.publisher.publish_due()
    assert outcomes[ink.id] == str(AWAY)
    assert isinstance(outcomes[paper.id], PublishedDocument)


async def test_the_log_says_once_why_documents_are_not_published(
    press: Press, caplog: pytest.LogCaptureFixture
) -> None:
    press.sink.before = [AWAY] * 3
    ink = await press.register("ink")
    for title in ("one", "two", "three", "four"):
        await press.revise(ink, title)
        await press.publisher.publish_due()
    assert caplog.text.count(str(AWAY)) == 1
    press.sink.before = [AWAY]
    await press.revise(ink, "five")
    await press.publisher.publish_due()
    assert caplog.text.count(str(AWAY)) == 2


async def test_a_fault_of_ours_is_logged_and_tried_again(press: Press, caplog: pytest.LogCaptureFixture) -> None:
    ink = await press.register()
    press.sink.before = [ZeroDivisionError("secret")]
    await press.publisher.publish_due()
    assert press.publication(ink).detail == "a fault of this service; its log says more"
    assert "ZeroDivisionError" in caplog.text
    press.clock.time += CAP
    await press.publisher.publish_due()
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_a_change_during_a_publication_is_published_after_it(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.before = [hold]
    first = asyncio.create_task(press.publisher.publish_due())
    await hold.arrived()
    await press.revise(ink, "meanwhile")
    hold.release.set()
    await first
    assert await press.titles() == {"ink": None}
    assert press.publication(ink).state is PublicationState.PENDING
    await press.publisher.publish_due()
    assert await press.titles() == {"ink": "meanwhile"}
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_the_document_of_a_deleted_lora_is_withdrawn(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    await press.delete(ink)
    assert await press.publisher.publish_due() == {ink.id: Withdrawn()}
    assert await press.documents() == {}
    publication = press.publication(ink)
    assert (publication.state, publication.uri, publication.due_at) == (PublicationState.OFF, None, None)


async def test_the_document_of_a_restored_lora_is_published_again(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    await press.delete(ink)
    await press.publisher.publish_due()
    restored = await press.restore(ink)
    await press.publisher.publish_due()
    assert await press.documents() == {f"{ink.id}.json": metadata_document(restored)}


async def test_a_lora_that_was_deleted_before_it_was_published_leaves_nothing(press: Press) -> None:
    await press.delete(await press.register())
    await press.publisher.publish_due()
    assert await press.documents() == {}
    assert await press.publisher.publish_due() == {}


async def test_a_sink_that_hangs_holds_up_nobody_beyond_its_patience(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "PATIENCE_S", 0.05)
    hanging, ink = await press.register("hanging"), await press.register("ink")
    press.sink.before_each[hanging.id] = Hold()
    outcomes = await press.publisher.publish_due()
    assert isinstance(outcomes[ink.id], PublishedDocument)
    assert press.publication(hanging).detail == "where metadata is published, this was not done within 0.05 s"


async def test_waiting_for_room_takes_no_longer_than_the_patience_either(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the last of a batch would still be under way when its lease has run out."""
    monkeypatch.setattr(publisher, "PATIENCE_S", 0.05)
    loras = [await press.register(f"hanging {number}") for number in range(AT_ONCE + 1)]
    press.sink.before_each = {lora.id: Hold() for lora in loras}
    outcomes = await press.publisher.publish_due()
    assert len(press.sink.calls) == AT_ONCE
    assert {str(outcome) for outcome in outcomes.values()} == {press.publication(loras[0]).detail}


def test_the_patience_ends_well_before_the_lease() -> None:
    assert timedelta(seconds=publisher.PATIENCE_S) * 2 <= LEASE


async def test_no_more_than_asked_for_is_claimed_those_due_longest_first(press: Press) -> None:
    loras = []
    for number in range(5):
        loras.append(await press.register(f"ink {number}"))
        press.clock.time += timedelta(seconds=1)
    assert set(await press.publisher.publish_due(2)) == {lora.id for lora in loras[:2]}
    assert set(await press.publisher.publish_due()) == {lora.id for lora in loras[2:]}


async def test_nothing_is_published_inside_a_transaction(press: Press) -> None:
    ink, paper = await press.register("ink"), await press.register("paper")
    await press.publisher.publish_due()
    await press.delete(paper)
    await press.revise(ink, "changed")
    publication, withdrawal = Hold(), Hold()
    press.sink.before_each = {ink.id: publication, paper.id: withdrawal}
    publishing = asyncio.create_task(press.publisher.publish_due())
    await publication.arrived()
    await withdrawal.arrived()
    assert not press.store.write_lock.locked()
    publication.release.set()
    withdrawal.release.set()
    await publishing
    assert await press.titles() == {"ink": "changed"}


async def test_a_lora_can_be_published_though_nothing_of_it_is_due(press: Press) -> None:
    ink = await press.register(announced=False)
    assert await press.publisher.publish_due() == {}
    await press.publisher.publish([ink.id])
    assert await press.documents() == {f"{ink.id}.json": metadata_document(ink)}
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_one_published_on_request_in_vain_waits_like_any_other(press: Press) -> None:
    ink = await press.register()
    await press.publisher.publish_due()
    press.sink.before = [AWAY]
    assert await press.publisher.publish([ink.id]) == {ink.id: str(AWAY)}
    assert press.publication(ink).state is PublicationState.FAILED
    press.clock.time += CAP
    await press.publisher.publish_due()
    assert press.publication(ink).state is PublicationState.SYNCED


async def test_one_withdrawn_on_request_in_vain_waits_like_any_other(press: Press) -> None:
    ink = await press.register()
    await press.delete(ink)
    await press.publisher.publish_due()
    await press.overwrite(f"{ink.id}.json", b"{}")
    press.sink.before = [AWAY]
    assert await press.publisher.publish([ink.id]) == {ink.id: str(AWAY)}
    assert press.publication(ink).state is PublicationState.FAILED
    press.clock.time += CAP
    await press.publisher.publish_due()
    assert await press.documents() == {}
