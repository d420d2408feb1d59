"""Scans in the background."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from lora_manager.app.library.start_scan import ShowScan, StartScan
from lora_manager.domain.errors import OutsideLibrary
from lora_manager.domain.scan import STALE_AFTER, Outcome, Scan, ScanNotFound, ScanState, group
from tests.unit.app.world import CountedIdentifiers, World


@pytest.fixture
async def start_scan(world: World) -> AsyncIterator[StartScan]:
    start = StartScan(world.begin, world.scan_library, world.clock, CountedIdentifiers(), [str(world.library)])
    yield start
    await start.aclose()


async def finished(world: World, scan: Scan) -> Scan:
    """The scan once it runs no more."""
    show = ShowScan(world.begin, world.clock)
    while (shown := await show(scan.id)).state is ScanState.RUNNING:  # noqa: ASYNC110  # clients ask as well
        await asyncio.sleep(0)
    return shown


async def test_a_scan_is_answered_at_once_and_reports_when_it_is_done(world: World, start_scan: StartScan) -> None:
    world.put("ink", "1")
    scan = await start_scan()
    assert (scan.state, scan.folders, scan.findings) == (ScanState.RUNNING, (str(world.library),), ())
    done = await finished(world, scan)
    assert (done.state, done.detail) == (ScanState.SUCCEEDED, None)
    assert [finding.name for finding in group(done.findings)[Outcome.ADDED]] == ["ink"]
    assert (done.progress.files_done, done.progress.files_total) == (1, 1)
    assert done.finished_at is not None


async def test_one_folder_can_be_scanned_and_tried(world: World, start_scan: StartScan) -> None:
    world.put("a/ink", "1")
    world.put("b/wash", "2")
    done = await finished(world, await start_scan(str(world.library / "a"), dry_run=True))
    assert [finding.name for finding in done.findings] == ["ink"]
    assert done.dry_run
    assert world.loras == {}


async def test_a_folder_outside_the_library_is_refused_before_a_scan_is_stored(
    world: World, start_scan: StartScan
) -> None:
    with pytest.raises(OutsideLibrary):
        await start_scan("/etc")
    assert world.store.scans == {}


async def test_a_scan_that_cannot_be_done_has_failed_with_the_reason(world: World, start_scan: StartScan) -> None:
    world.library.rmdir()
    done = await finished(world, await start_scan())
    assert done.state is ScanState.FAILED
    assert "there is no such file" in str(done.detail)


async def test_a_fault_of_the_service_fails_the_scan_without_its_text(
    world: World, start_scan: StartScan, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(_folder: str) -> None:
        raise ZeroDivisionError("internal")

    monkeypatch.setattr(world.files, "list", break_down)
    done = await finished(world, await start_scan())
    assert done.state is ScanState.FAILED
    assert "internal" not in str(done.detail)
    assert "internal" in caplog.text


async def test_a_scan_is_left_as_failed_when_the_service_stops(world: World, start_scan: StartScan) -> None:
    world.put("ink", "1")
    scan = await start_scan()
    await asyncio.sleep(0)
    await start_scan.aclose()
    done = await finished(world, scan)
    assert done.state is ScanState.FAILED
    assert "start the scan again" in str(done.detail)


async def test_a_scan_whose_process_died_has_failed_when_somebody_asks(world: World) -> None:
    now = world.clock.now()
    scan = Scan(id=UUID(int=1), folders=("/loras",), dry_run=False, started_at=now, beat_at=now)
    async with world.begin() as uow:
        await uow.scans.put(scan)
        await uow.commit()
    show = ShowScan(world.begin, world.clock)
    assert (await show(scan.id)).state is ScanState.RUNNING
    world.clock.tick = STALE_AFTER + timedelta(seconds=1)
    shown = await show(scan.id)
    assert (shown.state, shown.finished_at) == (ScanState.FAILED, now)


async def test_an_unknown_scan_is_not_found(world: World) -> None:
    with pytest.raises(ScanNotFound):
        await ShowScan(world.begin, world.clock)(UUID(int=2))
