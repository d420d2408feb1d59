"""The contract of ``ports.unit_of_work``."""

import asyncio

import pytest

from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Scan, ScanNotFound
from tests.contract.examples import LATER, NOW, a_lora, new_id
from tests.contract.stores import Stores


async def test_what_is_committed_is_visible_to_others(stores: Stores) -> None:
    lora = a_lora()
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        await uow.commit()
    assert await stores.catalog.get(lora.id) == lora


async def test_what_is_not_committed_leaves_no_trace(stores: Stores) -> None:
    kept, forgotten = a_lora("kept"), a_lora("forgotten")
    scan = Scan(id=new_id(), folders=("/loras",), dry_run=False, started_at=NOW, beat_at=NOW)
    await stores.add(kept)
    async with stores.begin() as uow:
        await uow.loras.add(forgotten)
        await uow.loras.save(kept.activate(now=LATER)[0])
        await uow.scans.put(scan)
    assert await stores.catalog.get(kept.id) == kept
    with pytest.raises(LoraNotFound):
        await stores.catalog.get(forgotten.id)
    async with stores.begin() as uow:
        assert await uow.loras.get(kept.id, forgotten.id) == [kept]
        with pytest.raises(ScanNotFound):
            await uow.scans.get(scan.id)


async def test_an_error_inside_the_block_leaves_no_trace_and_passes_on(stores: Stores) -> None:
    async def fail() -> None:
        async with stores.begin() as uow:
            await uow.loras.add(a_lora())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert list(await stores.catalog.find(names=["ink"])) == []


async def test_what_is_not_committed_yet_is_seen_by_nobody_else(stores: Stores) -> None:
    lora = a_lora(tags=("sketch",), active=True)
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        assert list(await stores.catalog.active()) == []
        assert list(await stores.report.tags()) == []
        await uow.commit()
        assert list(await stores.catalog.active()) == [lora]


async def test_one_unit_of_work_may_commit_several_times(stores: Stores) -> None:
    lora = a_lora()
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        await uow.commit()
        (stored,) = await uow.loras.get(lora.id)
        changed, _ = stored.activate(now=LATER)
        await uow.loras.save(changed)
        await uow.commit()
        await uow.loras.add(a_lora("never committed"))
    assert list(await stores.catalog.find(names=["ink", "never committed"])) == [changed]


async def test_of_two_that_change_the_same_lora_the_second_sees_the_first_ones_result(stores: Stores) -> None:
    lora = a_lora()
    await stores.add(lora)
    first_has_read = asyncio.Event()

    async def tag(tag: str) -> Lora:
        async with stores.begin() as uow:
            (stored,) = await uow.loras.get(lora.id)
            first_has_read.set()
            changed, _ = stored.revise(now=LATER, tags=(*stored.tags, tag))
            await uow.loras.save(changed)
            await uow.commit()
        return changed

    first = asyncio.create_task(tag("first"))
    await first_has_read.wait()
    second = asyncio.create_task(tag("second"))
    await asyncio.gather(first, second)
    stored = await stores.catalog.get(lora.id)
    assert stored.tags == ("first", "second")
    assert stored.revision == 3


async def test_a_cancelled_unit_of_work_leaves_no_trace_and_blocks_nobody(stores: Stores) -> None:
    lora = a_lora()
    await stores.add(lora)
    holds_it = asyncio.Event()

    async def hold() -> None:
        async with stores.begin() as uow:
            await uow.loras.get(lora.id)
            await uow.loras.save(lora.activate(now=LATER)[0])
            holds_it.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    await holds_it.wait()
    waiting = [asyncio.create_task(hold()) for _ in range(10)]
    await asyncio.wait(waiting, timeout=0)  # let them queue up
    for task in (*waiting, holder):
        task.cancel()
    await asyncio.gather(*waiting, holder, return_exceptions=True)
    changed, _ = lora.revise(now=LATER, weight=0.5)
    await stores.save(changed)
    assert await stores.catalog.get(lora.id) == changed
