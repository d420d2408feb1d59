import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.dispatch.sdnext_world import World, delivery_of, world_of
from tests.standins.a1111 import Variant
from tests.standins.http_server import Drop


@pytest.fixture(params=list(Variant))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(request.param) as world:
        world.runtime.holds = True
        yield world


async def test_a_cancelled_delivery_stops_the_server(world: World) -> None:
    attempt = await _running(world)

    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt

    assert world.runtime.jobs[0].interrupted
    assert world.artefacts.contents == {}


async def test_a_time_out_stops_the_server(world: World) -> None:
    attempt = await _running(world)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(attempt, 0)

    assert world.runtime.jobs[0].interrupted


async def test_a_server_that_was_idle_is_stopped_though_it_names_no_tasks(world: World) -> None:
    world.runtime.has_page = False
    attempt = await _running(world)

    attempt.cancel()
    await asyncio.wait([attempt])

    assert world.runtime.jobs[0].interrupted


@pytest.mark.parametrize("has_page", [True, False])
async def test_somebody_elses_job_is_never_stopped(world: World, has_page: bool) -> None:
    world.runtime.has_page = has_page
    others = asyncio.create_task(world.deliver("of somebody else", force_task_id="task(other)"))
    await world.runtime.started.wait()
    world.runtime.arrived.clear()
    attempt = asyncio.create_task(_dispatch(world))
    await world.runtime.arrived.wait()

    attempt.cancel()
    await asyncio.wait([attempt])

    assert attempt.cancelled()
    assert world.runtime.interrupts == 0
    world.runtime.jobs[0].ended.set()
    assert (await others)["seed"] == 1000


@pytest.mark.parametrize("variant", [Variant.A1111, Variant.FORGE])
async def test_a_job_that_slipped_in_before_ours_is_not_stopped(variant: Variant) -> None:
    async with world_of(variant) as world:
        world.runtime.holds = True
        others = asyncio.create_task(world.deliver("of somebody else", force_task_id="task(other)"))
        await world.runtime.started.wait()
        world.runtime.arrived.clear()
        world.runtime.replies["/sdapi/v1/progress"] = (200, {}, b'{"progress": 0}')  # as if it had been idle
        attempt = asyncio.create_task(_dispatch(world))
        await world.runtime.arrived.wait()

        attempt.cancel()
        await asyncio.wait([attempt])

        assert world.runtime.interrupts == 0
        world.runtime.jobs[0].ended.set()
        await others


@pytest.mark.parametrize("variant", [Variant.A1111, Variant.FORGE])
async def test_a_job_that_waited_behind_another_is_stopped_once_it_runs(variant: Variant) -> None:
    async with world_of(variant) as world:
        world.runtime.holds = True
        others = asyncio.create_task(world.deliver("of somebody else", force_task_id="task(other)"))
        await world.runtime.started.wait()
        world.runtime.arrived.clear()
        attempt = asyncio.create_task(_dispatch(world))
        await world.runtime.arrived.wait()
        world.runtime.started.clear()
        world.runtime.jobs[0].ended.set()
        await world.runtime.started.wait()

        attempt.cancel()
        await asyncio.wait([attempt])
        await others

        assert [job.interrupted for job in world.runtime.jobs] == [False, True]


@pytest.mark.parametrize("reply", [(500, {}, b""), (401, {}, b""), Drop()])
async def test_a_server_that_cannot_be_stopped_does_not_hold_up_the_cancellation(
    world: World, reply: tuple[int, dict[str, str], bytes] | Exception
) -> None:
    attempt = await _running(world)
    world.runtime.replies["/sdapi/v1/interrupt"] = reply

    attempt.cancel()
    await asyncio.wait([attempt])

    assert attempt.cancelled()


async def test_a_server_that_says_nothing_any_more_does_not_hold_up_the_cancellation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = await _running(world)
    monkeypatch.setattr("lora_manager.adapters.dispatch.sdnext_following._STOPPING_S", 0)

    attempt.cancel()
    await asyncio.wait([attempt])

    assert attempt.cancelled()
    assert world.runtime.interrupts == 0


async def test_a_server_whose_state_was_unknown_is_not_stopped(world: World) -> None:
    world.runtime.replies["/sdapi/v1/progress"] = (500, {}, b"")
    world.runtime.has_page = False
    attempt = await _running(world)

    attempt.cancel()
    await asyncio.wait([attempt])

    assert world.runtime.interrupts == 0


async def _running(world: World) -> asyncio.Task[None]:
    attempt = asyncio.create_task(_dispatch(world))
    await world.runtime.started.wait()
    return attempt


async def _dispatch(world: World) -> None:
    await world.dispatcher.dispatch(delivery_of(world.runtime.url, "a cat"), world.reports.append)
