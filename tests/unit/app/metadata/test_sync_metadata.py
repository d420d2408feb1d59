"""The published documents are brought into line with the registry, and only those that are not are touched."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from lora_manager.adapters.memory.catalog import MemoryCatalog
from lora_manager.app.metadata import sync_metadata
from lora_manager.app.metadata.show_metadata import ShowMetadata
from lora_manager.app.metadata.sync_metadata import SyncMetadataCommand
from lora_manager.domain.errors import LoraNotFound, Unavailable
from lora_manager.domain.lora import Lora
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.publication import CAP, PublicationState
from lora_manager.domain.selection import Page, Selection
from tests.contract.examples import a_lora
from tests.unit.app.metadata.press import AWAY, Hold, Press

ALL = SyncMetadataCommand()
CHANGED = SyncMetadataCommand(changed=True)


def key(lora: Lora) -> str:
    return f"{lora.id}.json"


@pytest.fixture
async def published(press: Press) -> list[Lora]:
    """Three LoRAs whose documents are as they should be."""
    loras = [await press.register(name) for name in ("ink", "paper", "brush")]
    await press.publisher.publish_due()
    press.sink.calls.clear()
    return loras


def touched(press: Press) -> list[UUID]:
    """What the sink was asked to publish or withdraw since this was last asked."""
    calls = [lora_id for lora_id, _ in press.sink.calls]
    press.sink.calls.clear()
    return calls


@pytest.mark.parametrize("command", [ALL, CHANGED])
async def test_what_was_registered_while_nothing_was_published_is_published(
    press: Press, command: SyncMetadataCommand
) -> None:
    loras = [await press.register(name, announced=False) for name in ("ink", "paper")]
    report = await press.sync(command)
    assert report.published == [lora.id for lora in loras]
    assert await press.documents() == {key(lora): metadata_document(lora) for lora in loras}
    assert {press.publication(lora).state for lora in loras} == {PublicationState.SYNCED}


@pytest.mark.parametrize("command", [ALL, CHANGED])
async def test_what_is_as_it_should_be_is_not_touched(
    press: Press, published: list[Lora], command: SyncMetadataCommand
) -> None:
    report = await press.sync(command)
    assert (report.published, report.withdrawn, report.failed, report.unchanged) == ([], [], {}, len(published))
    assert touched(press) == []


@pytest.mark.parametrize("command", [ALL, CHANGED])
async def test_what_waits_and_what_failed_is_published_at_once(
    press: Press, published: list[Lora], command: SyncMetadataCommand
) -> None:
    ink, paper, _ = published
    press.sink.before = [AWAY]
    await press.revise(ink, "failed")
    await press.publisher.publish_due()
    await press.revise(paper, "waits")
    report = await press.sync(command)
    assert (report.published, report.unchanged) == ([ink.id, paper.id], 1)
    assert await press.titles() == {"ink": "failed", "paper": "waits", "brush": None}


async def test_a_document_that_somebody_removed_or_overwrote_is_put_right(press: Press, published: list[Lora]) -> None:
    ink, paper, _ = published
    await press.blobs.delete(key(ink))
    await press.overwrite(key(paper), b"{}")
    report = await press.sync(ALL)
    assert (report.published, report.unchanged) == ([ink.id, paper.id], 1)
    assert await press.documents() == {key(lora): metadata_document(lora) for lora in published}


async def test_with_changed_nobody_looks_at_what_is_published(press: Press, published: list[Lora]) -> None:
    await press.blobs.delete(key(published[0]))
    assert (await press.sync(CHANGED)).unchanged == len(published)
    assert press.sink.listings == 0


@pytest.mark.parametrize("command", [ALL, CHANGED])
@pytest.mark.parametrize("announced", [True, False])
async def test_documents_of_deleted_loras_are_withdrawn(
    press: Press, published: list[Lora], command: SyncMetadataCommand, announced: bool
) -> None:
    ink, *others = published
    await press.delete(ink, announced=announced)
    report = await press.sync(command)
    assert (report.withdrawn, report.unchanged, report.foreign) == ([ink.id], 2, 0)
    assert set(await press.documents()) == {key(lora) for lora in others}
    assert (await press.sync(command)).withdrawn == []


async def test_a_deletion_that_waits_is_done_with_at_once(press: Press) -> None:
    ink = await press.register()
    await press.delete(ink)
    assert (await press.sync(CHANGED)).withdrawn == [ink.id]
    assert press.publication(ink).due_at is None


async def test_documents_of_loras_that_this_registry_never_had_are_left_alone(
    press: Press, published: list[Lora]
) -> None:
    foreign = a_lora("foreign")
    await press.sink.publish(foreign.id, metadata_document(foreign), 1)
    await press.overwrite("read-me.txt", b"what lies here besides")
    before = await press.documents()
    report = await press.sync(ALL)
    assert (report.foreign, report.withdrawn, report.unchanged) == (1, [], len(published))
    assert await press.documents() == before


@pytest.mark.parametrize(
    "command", [SyncMetadataCommand(dry_run=True), SyncMetadataCommand(dry_run=True, changed=True)]
)
async def test_a_dry_run_tells_what_would_be_done_and_does_nothing(
    press: Press, published: list[Lora], command: SyncMetadataCommand
) -> None:
    ink, paper, _ = published
    await press.revise(ink, "changed")
    await press.delete(paper)
    documents, publications = await press.documents(), press.store.publications
    told: list[tuple[int, int]] = []
    planned = await press.sync(command, lambda done, all_of_them: told.append((done, all_of_them)))
    assert (planned.published, planned.withdrawn, planned.unchanged) == ([ink.id], [paper.id], 1)
    assert (touched(press), told) == ([], [])
    assert (await press.documents(), press.store.publications) == (documents, publications)

    done = await press.sync(SyncMetadataCommand(changed=command.changed))
    assert done == planned


async def test_progress_is_told_batch_by_batch(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_metadata, "BATCH", 2)
    for number in range(5):
        await press.register(f"ink {number}")
    told: list[tuple[int, int]] = []
    await press.sync(ALL, lambda done, all_of_them: told.append((done, all_of_them)))
    assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]


async def test_one_interrupted_in_the_middle_goes_on_where_it_stopped(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_metadata, "BATCH", 2)
    loras = [await press.register(f"ink {number}", announced=False) for number in range(5)]
    hold = press.sink.before_each[loras[2].id] = Hold()
    interrupted = asyncio.create_task(press.sync(ALL))
    await hold.arrived()
    interrupted.cancel()
    with pytest.raises(asyncio.CancelledError):
        await interrupted
    press.sink.before_each.clear()
    press.sink.calls.clear()

    report = await press.sync(ALL)
    assert report.published == touched(press) == [lora.id for lora in loras[2:]]
    assert report.unchanged == 2
    assert await press.documents() == {key(lora): metadata_document(lora) for lora in loras}


async def test_what_fails_for_one_is_reported_and_tried_again_by_a_service(press: Press) -> None:
    ink, paper = await press.register("ink", announced=False), await press.register("paper", announced=False)
    press.sink.before_each[ink.id] = AWAY
    report = await press.sync(ALL)
    assert (report.published, report.failed) == ([paper.id], {ink.id: str(AWAY)})
    press.sink.before_each.clear()
    press.clock.time += CAP
    await press.publisher.publish_due()
    assert set(await press.documents()) == {key(ink), key(paper)}


async def test_a_lora_that_another_publisher_overtook_counts_as_unchanged(press: Press) -> None:
    ink = await press.register()
    hold = Hold()
    press.sink.before = [hold]
    syncing = asyncio.create_task(press.sync(CHANGED))
    await hold.arrived()
    await press.revise(ink, "newer")
    await press.new_publisher().publish_due()
    hold.release.set()
    report = await syncing
    assert (report.published, report.failed, report.unchanged) == ([], {}, 1)
    assert await press.titles() == {"ink": "newer"}


async def test_a_lora_restored_while_the_registry_is_read_is_neither_withdrawn_nor_foreign(
    press: Press, published: list[Lora]
) -> None:
    ink = published[0]
    await press.delete(ink)

    class RestoredMeanwhile(MemoryCatalog):
        async def page(self, selection: Selection) -> Page:
            page = await super().page(selection)
            await press.restore(ink)
            return page

    report = await replace(press.sync, catalog=RestoredMeanwhile(press.store))(ALL)
    assert (report.published, report.withdrawn, report.foreign, report.unchanged) == ([], [], 0, 2)
    assert key(ink) in await press.documents()


async def test_where_documents_are_published_nothing_answers(press: Press, published: list[Lora]) -> None:
    press.sink.before = [AWAY]
    with pytest.raises(Unavailable, match="the bucket does not answer"):
        await press.sync(ALL)
    assert len(await press.documents()) == len(published)


async def test_shown_is_what_is_published(press: Press, published: list[Lora]) -> None:
    show = ShowMetadata(press.catalog)
    assert await show(published[0].id) == (await press.documents())[key(published[0])]
    await press.delete(published[0])
    with pytest.raises(LoraNotFound):
        await show(published[0].id)
