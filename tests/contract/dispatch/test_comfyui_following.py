"""Whatever becomes of the connection, the server or the attempt: a run is found again, or known to be lost."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from lora_manager.adapters.dispatch.comfyui import ComfyDispatcher
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import DispatchFailed, Outcome, Progress
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.dispatch.comfyui_world import PATIENT, QUICK, RUN, World, after, world_of
from tests.contract.dispatch.running import ignore
from tests.standins.comfyui import ComfyStandIn
from tests.standins.comfyui_wire import CRASH, Cut, Json, Reply
from tests.unit.domain.delivery.workflows import txt2img


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of(QUICK) as world:
        yield world


@pytest.fixture
def comfy(world: World) -> ComfyStandIn:
    return world.comfy


async def begun(world: World, comfy: ComfyStandIn) -> asyncio.Task[Json]:
    """A delivery whose run is held at its sampler."""
    comfy.hold()
    task = asyncio.create_task(world.deliver())
    await comfy.until_at("5")
    return task


def submitted_before(comfy: ComfyStandIn, client_id: str | None = "an earlier attempt") -> None:
    """The run is in the queue, as an attempt left it whose worker has died."""
    comfy.runs.push((0, RUN, txt2img(), {} if client_id is None else {"client_id": client_id}, ["7"]))


async def test_success_that_comes_before_the_history_is_waited_for(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.looks_before_history = 3
    assert (await world.deliver())["outputs"]
    assert len(comfy.asked(f"/history/{RUN}")) > 3


async def test_the_end_of_a_run_is_heard_rather_than_looked_for() -> None:
    async with world_of(PATIENT) as world:
        task = await begun(world, world.comfy)
        world.comfy.release()
        assert (await task)["outputs"]


async def test_without_a_websocket_the_run_is_followed_by_looking(world: World, comfy: ComfyStandIn) -> None:
    comfy.wire.refuses_websockets = True
    task = await begun(world, comfy)
    await world.until_reported(Progress(None, "running"))
    comfy.release()
    assert (await task)["outputs"]


class Deaf(OutboundClient):
    """Reaches the server, but never for a websocket."""

    async def open_socket(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        raise DispatchFailed("timeout", f"{host}:{port} did not take the connection in {timeout_s} s", retryable=True)


async def test_a_websocket_that_cannot_be_opened_is_done_without(world: World) -> None:
    client = Deaf(AllowedHosts.parse())
    result = await ComfyDispatcher(client, QUICK).dispatch(world.delivery(), ignore)
    await client.aclose()
    assert result["outputs"]


async def test_a_websocket_that_breaks_does_not_end_the_attempt(world: World, comfy: ComfyStandIn) -> None:
    task = await begun(world, comfy)
    (listener,) = comfy.sockets.values()
    listener.cut()
    await comfy.until(lambda _: not comfy.sockets)
    comfy.release()
    assert (await task)["outputs"]
    assert len(comfy.submitted) == 1


async def test_frames_that_mean_nothing_are_passed_over(world: World, comfy: ComfyStandIn) -> None:
    task = await begun(world, comfy)
    (listener,) = comfy.sockets.values()
    listener.send_raw(b"\x00\x00\x00\x01\x00\x00\x00\x01\xff\xd8", is_text=False)  # a preview
    listener.send_raw(b"{", is_text=True)
    listener.send_raw(b"[]", is_text=True)
    listener.send("progress", {"prompt_id": "somebody else's", "value": 3, "max": 4, "node": "5"})
    listener.send("progress", {"prompt_id": RUN, "value": "3", "max": None, "node": "5"})
    listener.send("executing", {"node": None, "prompt_id": "somebody else's"})
    listener.send("progress", {"prompt_id": RUN, "value": 1, "max": 4, "node": "5"})
    await world.until_reported(Progress(0.25, "step 1 of 4"))
    assert Progress(0.75, "step 3 of 4") not in world.reports
    comfy.release()
    assert (await task)["outputs"]


async def test_a_run_that_an_earlier_attempt_has_finished_is_not_run_again(world: World, comfy: ComfyStandIn) -> None:
    submitted_before(comfy)
    await comfy.until(lambda _: RUN in comfy.runs.history)
    result = await world.deliver(after(world.delivery(), Outcome.LOST))
    assert [output["filename"] for output in result["outputs"]] == ["rec_00001_.png"]
    assert comfy.submitted == []


@pytest.mark.parametrize("client_id", ["an earlier attempt", None])
async def test_a_run_that_an_earlier_attempt_has_begun_is_followed(
    world: World, comfy: ComfyStandIn, client_id: str | None
) -> None:
    comfy.hold()
    submitted_before(comfy, client_id)
    await comfy.until_at("5")
    task = asyncio.create_task(world.deliver(after(world.delivery(), Outcome.LOST)))
    await comfy.until(lambda _: [path for _, path, _ in comfy.requests if path.startswith("/history/")])
    comfy.release()
    assert (await task)["outputs"]
    assert comfy.submitted == []


async def test_the_frames_of_a_run_that_was_taken_over_are_heard() -> None:
    async with world_of(PATIENT) as world:
        comfy = world.comfy
        comfy.hold()
        submitted_before(comfy)
        await comfy.until_at("5")
        task = asyncio.create_task(world.deliver(after(world.delivery(), Outcome.LOST)))
        await comfy.until(lambda _: comfy.sockets and comfy.asked(f"/history/{RUN}")[1:])
        comfy.release()
        assert (await task)["outputs"]
        assert Progress(1.0, "step 1 of 1") in world.reports


async def test_a_run_that_an_earlier_attempt_has_seen_fail_is_run_again(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.out_of_memory = True
    await world.failure()
    comfy.switches.out_of_memory = False
    result = await world.deliver(after(world.delivery(), Outcome.FAILED))
    assert result["outputs"]
    assert [sent["client_id"] for sent in comfy.submitted] == [f"{RUN}-1", f"{RUN}-2"]
    assert comfy.asked("/history") == [{"delete": [RUN]}]  # it was not taken for the end of the second run


@pytest.mark.parametrize("reply", [CRASH, Cut()], ids=["500", "connection cut"])
async def test_a_run_that_was_queued_though_the_answer_went_wrong_is_followed(
    world: World, comfy: ComfyStandIn, reply: Reply | Cut
) -> None:
    comfy.afterwards("/prompt", reply)
    assert (await world.deliver())["outputs"]
    assert len(comfy.submitted) == 1


@pytest.mark.parametrize(
    ("reply", "code"), [(CRASH, "server_error"), (Cut(), "unreachable")], ids=["500", "connection cut"]
)
async def test_a_run_that_was_not_queued_is_tried_again_later(
    world: World, comfy: ComfyStandIn, reply: Reply | Cut, code: str
) -> None:
    comfy.instead("/prompt", reply)
    error = await world.failure()
    assert (error.code, error.retryable) == (code, True)


async def test_a_run_that_vanished_from_the_queue_is_lost(world: World, comfy: ComfyStandIn) -> None:
    comfy.hold()
    comfy.runs.push((0, "somebody else's", txt2img(), {}, ["7"]))
    await comfy.until_at("5")
    task = asyncio.create_task(world.failure())
    await comfy.until(lambda _: comfy.runs.pending)
    comfy.runs.delete(RUN)
    error = await task
    assert (error.code, error.retryable) == ("lost", True)


async def test_a_run_that_was_under_way_when_the_server_was_restarted_is_lost(
    world: World, comfy: ComfyStandIn
) -> None:
    comfy.hold()
    task = asyncio.create_task(world.failure())
    await comfy.until_at("5")
    await comfy.restart()
    error = await task
    assert (error.code, error.retryable) == ("lost", True)
    comfy.release()
    assert (await world.deliver(after(world.delivery(), Outcome.FAILED)))["outputs"]


@pytest.mark.parametrize("trouble", [CRASH, Cut(), Reply(content="{"), Reply(content=[])], ids=repr)
async def test_a_few_looks_in_vain_do_not_end_the_attempt(
    world: World, comfy: ComfyStandIn, trouble: Reply | Cut
) -> None:
    task = await begun(world, comfy)
    comfy.instead("/queue", trouble)
    comfy.instead("/history", trouble)
    comfy.release()
    assert (await task)["outputs"]


@pytest.mark.parametrize(
    ("trouble", "code"), [(CRASH, "server_error"), (Cut(), "unreachable"), (Reply(content="{"), "bad_answer")]
)
async def test_a_server_that_does_not_answer_any_more_is_given_up_and_tried_again_later(
    world: World, comfy: ComfyStandIn, trouble: Reply | Cut, code: str
) -> None:
    comfy.hold()
    task = asyncio.create_task(world.failure())
    await comfy.until_at("5")
    comfy.instead("/queue", *[trouble] * QUICK.looks)
    error = await task
    assert (error.code, error.retryable) == (code, True)


async def test_a_cancelled_attempt_stops_the_run(world: World, comfy: ComfyStandIn) -> None:
    task = await begun(world, comfy)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await comfy.until(lambda _: RUN in comfy.runs.history)
    assert comfy.runs.history[RUN]["status"]["messages"][-1][0] == "execution_interrupted"


async def test_a_cancelled_attempt_takes_its_run_out_of_the_queue_and_leaves_others_alone(
    world: World, comfy: ComfyStandIn
) -> None:
    comfy.hold()
    comfy.runs.push((0, "somebody else's", txt2img(), {}, ["7"]))
    await comfy.until_at("5")
    task = asyncio.create_task(world.deliver())
    await comfy.until(lambda _: comfy.runs.pending)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert comfy.runs.pending == []
    assert comfy.asked("/interrupt") == []
    comfy.release()
    await comfy.until(lambda _: "somebody else's" in comfy.runs.history)


async def test_cancelling_ends_though_the_server_is_gone(world: World, comfy: ComfyStandIn) -> None:
    task = await begun(world, comfy)
    comfy.instead("/queue", *[Cut()] * 9)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_run_that_somebody_stopped_is_not_begun_again(world: World, comfy: ComfyStandIn) -> None:
    task = asyncio.create_task(world.failed())
    comfy.hold()
    await comfy.until_at("5")
    comfy.runs.interrupt.set()
    failed = await task
    assert (failed.error.code, failed.error.retryable) == ("interrupted", False)
    assert "in node '5' (KSampler)" in failed.error.message


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.HANDED_BACK])
async def test_a_run_that_a_late_worker_may_have_stopped_is_begun_again(
    world: World, comfy: ComfyStandIn, outcome: Outcome
) -> None:
    comfy.hold()
    submitted_before(comfy)
    await comfy.until_at("5")
    task = asyncio.create_task(world.failure(after(world.delivery(), outcome)))
    await comfy.until(lambda _: comfy.asked(f"/history/{RUN}"))
    comfy.runs.interrupt.set()
    error = await task
    assert (error.code, error.retryable) == ("interrupted", True)


async def test_the_place_in_the_queue_is_that_of_the_numbers(world: World, comfy: ComfyStandIn) -> None:
    numbers = ((5, RUN), (9, "b"), (-1, "c"), (2.5, "d"))
    waiting: list[Json] = ["no run", *([number, run_id, {}, {}, []] for number, run_id in numbers)]
    queue = Reply(content={"queue_running": [[0, "a", {}, {}, []]], "queue_pending": waiting})
    task = await begun(world, comfy)
    comfy.instead("/queue", *[queue] * 2)
    await world.until_reported(Progress(None, "queued, 3 before it"))
    comfy.release()
    assert (await task)["outputs"]
