"""The contract of ``ports.scans``."""

import pytest

from lora_manager.domain.scan import Finding, Outcome, Progress, Scan, ScanNotFound
from tests.contract.examples import LATER, NOW, new_id
from tests.contract.stores import Stores


def a_scan() -> Scan:
    return Scan(id=new_id(), folders=("/loras", "/more"), dry_run=True, started_at=NOW, beat_at=NOW)


async def put(stores: Stores, scan: Scan) -> None:
    async with stores.begin() as uow:
        await uow.scans.put(scan)
        await uow.commit()


async def test_a_scan_comes_back_as_it_was_put(stores: Stores) -> None:
    findings = [
        Finding(outcome=Outcome.MOVED, path="/loras/ü", lora_id=new_id(), name="ü", version="1", previous_path="/old"),
        Finding(outcome=Outcome.REJECTED, path="/loras/x.pt", reason="a pickle: \u0001"),
    ]
    scan = a_scan().beat(Progress(1, 2, 2**40, 2**50), now=LATER).succeed(findings, now=LATER)
    await put(stores, scan)
    async with stores.begin() as uow:
        assert await uow.scans.get(scan.id) == scan


async def test_the_last_scan_put_is_the_one_kept(stores: Stores) -> None:
    scan, other = a_scan(), a_scan()
    changed = scan.fail("the disk went away", [], now=LATER)
    for value in (scan, other, changed):
        await put(stores, value)
    async with stores.begin() as uow:
        assert await uow.scans.get(scan.id) == changed
        assert await uow.scans.get(other.id) == other


async def test_an_unknown_scan_is_not_found(stores: Stores) -> None:
    unknown = new_id()
    async with stores.begin() as uow:
        with pytest.raises(ScanNotFound) as missing:
            await uow.scans.get(unknown)
    assert missing.value.scan_id == unknown
