"""Many writers at once lose nothing, and readers do not wait for them."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from lora_manager.domain.errors import NameTaken
from tests.contract.examples import LATER, a_lora, a_record
from tests.contract.stores import NewUrl, Stores, sql_stores

WRITERS = 50


@pytest.fixture(params=[("sqlite", 1), ("sqlite", 2), ("postgresql", 1), ("postgresql", 2)], ids=str)
async def writers(request: pytest.FixtureRequest, new_url: NewUrl) -> AsyncIterator[list[Stores]]:
    """One registry as 50 writers see it: all through one set of connections, or half of them through another."""
    system, count = request.param
    url = new_url(system)
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(sql_stores(url)) for _ in range(count)]
        yield [opened[number % count] for number in range(WRITERS)]


async def test_of_fifty_that_create_one_name_at_once_one_succeeds(writers: list[Stores]) -> None:
    loras = [a_lora("ink") for _ in writers]
    results = await asyncio.gather(
        *(stores.add(lora) for stores, lora in zip(writers, loras, strict=True)), return_exceptions=True
    )
    assert [type(result) for result in results if result is not None] == [NameTaken] * (WRITERS - 1)
    (winner,) = (lora for lora, result in zip(loras, results, strict=True) if result is None)
    for stores in writers[:2]:
        assert list(await stores.catalog.find(names=["ink"])) == [winner]


async def test_whoever_was_told_of_a_commit_sees_it_however_often_others_ask(writers: list[Stores]) -> None:
    lora = a_lora(active=True)
    await writers[0].add(lora)
    is_over = asyncio.Event()

    async def ask(stores: Stores) -> None:
        while not is_over.is_set():
            await stores.catalog.active()
            await asyncio.sleep(0)  # the next turn of the loop

    async with asyncio.TaskGroup() as asking:
        for stores in writers[:2]:
            asking.create_task(ask(stores))
        for turn, stores in enumerate(writers[:20]):
            lora, _ = lora.revise(now=LATER, ordinal=turn)
            await stores.save(lora)
            for reader in writers[:2]:
                assert list(await reader.catalog.active()) == [lora]
        is_over.set()


async def test_fifty_that_read_change_and_save_one_lora_at_once_lose_no_update(writers: list[Stores]) -> None:
    lora = a_lora()
    await writers[0].add(lora)
    turns = (
        20 if writers[0] is writers[1] else 4
    )  # between two sets of connections SQLite waits in naps, which takes long

    async def write(number: int, stores: Stores) -> None:
        for turn in range(turns):
            async with stores.begin() as uow:
                (stored,) = await uow.loras.get(lora.id)
                changed, _ = stored.revise(
                    now=LATER,
                    description=f"{stored.description or ''}{number}.{turn}\n",
                    tags=tuple({*stored.tags} ^ {str(number)}),
                    weight=stored.weight + 0.0625,
                )
                await uow.loras.save(changed)
                await uow.commit()

    await asyncio.gather(*(write(number, stores) for number, stores in enumerate(writers)))
    for stores in writers[:2]:
        stored = await stores.catalog.get(lora.id)
        written = (stored.description or "").split()
        assert sorted(written) == sorted(f"{n}.{turn}" for n in range(WRITERS) for turn in range(turns))
        assert stored.revision == 1 + WRITERS * turns
        assert stored.weight == 1 + WRITERS * turns * 0.0625
        assert stored.tags == ()
        assert list(await stores.report.tags()) == []


async def test_fifty_that_change_several_loras_in_any_order_never_wait_for_each_other_in_a_circle(
    writers: list[Stores],
) -> None:
    loras = [a_lora(str(number)) for number in range(10)]
    await writers[0].add(*loras)
    ids = [lora.id for lora in loras]

    async def write(number: int, stores: Stores) -> None:
        async with stores.begin() as uow:
            stored = await uow.loras.get(*(ids if number % 2 else reversed(ids)))
            changed = [lora.revise(now=LATER, tags=(*lora.tags, str(number)))[0] for lora in stored]
            await uow.loras.save(*changed)
            await uow.commit()

    await asyncio.gather(*(write(number, stores) for number, stores in enumerate(writers)))
    for lora in await writers[0].catalog.find(ids=ids):
        assert sorted(lora.tags, key=int) == [str(number) for number in range(WRITERS)]


async def test_readers_do_not_wait_for_a_writer_and_see_what_was_committed(writers: list[Stores]) -> None:
    lora = a_lora(active=True, file=a_record(), tags=("before",))
    await writers[0].add(lora)
    async with writers[0].begin() as uow:
        (stored,) = await uow.loras.get(lora.id)
        await uow.loras.save(stored.revise(now=LATER, active=False, tags=("after",))[0])
        for stores in writers[:2]:
            assert await stores.catalog.get(lora.id) == lora
            assert list(await stores.catalog.active()) == [lora]
            assert list(await stores.catalog.find(names=["ink"])) == [lora]
            assert list(await stores.report.tags()) == [("before", 1)]
            assert len(await stores.report.known_files("/loras")) == 1
        await uow.commit()
    for stores in writers[:2]:
        assert list(await stores.catalog.active()) == []
        assert list(await stores.report.tags()) == [("after", 1)]


async def test_readers_beside_writers_never_see_half_a_transaction(writers: list[Stores]) -> None:
    first, second = a_lora("first"), a_lora("second")
    await writers[0].add(first, second)
    done = asyncio.Event()

    async def write() -> None:
        for turn in range(1, 30):
            async with writers[0].begin() as uow:
                both = await uow.loras.get(first.id, second.id)
                await uow.loras.save(*(lora.revise(now=LATER, active=turn % 2 == 1, ordinal=turn)[0] for lora in both))
                await uow.commit()
        done.set()

    async def read(stores: Stores) -> None:
        while not done.is_set():
            assert len({lora.ordinal for lora in await stores.catalog.find(names=["first", "second"])}) == 1
            assert len(await stores.catalog.active()) in {0, 2}
            await asyncio.sleep(0)  # a read on the event loop gives nobody else a turn

    await asyncio.gather(write(), *(read(stores) for stores in writers[:2]))


WRITE_FOR_EVER = """
import asyncio, sys
from tests.contract.examples import a_lora
from tests.contract.stores import sql_stores

async def main():
    async with sql_stores(sys.argv[1]) as stores:
        for number in range(1_000_000):
            async with stores.begin() as uow:
                lora = a_lora(str(number))
                await uow.loras.add(lora)
                await uow.commit()
            print(lora.id, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("system", ["sqlite", "postgresql"])
async def test_what_was_committed_survives_the_death_of_the_process(new_url: NewUrl, system: str) -> None:
    url = new_url(system)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE_FOR_EVER, url, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    said += (await process.stdout.read()).splitlines()
    await process.wait()
    async with sql_stores(url) as stores:
        for line in said:
            lora_id = UUID(line.decode().strip())
            assert (await stores.catalog.get(lora_id)).id == lora_id
        await stores.add(a_lora("afterwards"))
