import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from lora_manager.domain.delivery import Progress
from tests.contract.dispatch.comfyui_world import PATIENT, RUN, World, composed, lora, with_place, world_of
from tests.standins.comfyui import ComfyStandIn
from tests.standins.comfyui_wire import Reply
from tests.unit.domain.delivery.workflows import txt2img


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of(PATIENT) as world:
        yield world


@pytest.fixture
def comfy(world: World) -> ComfyStandIn:
    return world.comfy


async def test_a_prompt_is_run_and_its_files_are_named(world: World, comfy: ComfyStandIn) -> None:
    result = await world.deliver()
    assert result == {
        "prompt_id": RUN,
        "outputs": [
            {
                "node": "7",
                "filename": "rec_00001_.png",
                "subfolder": "",
                "type": "output",
                "url": f"{comfy.url}/view?filename=rec_00001_.png&subfolder=&type=output",
            }
        ],
        "warnings": [],
    }
    (sent,) = comfy.submitted
    assert sent["prompt_id"] == RUN
    assert sent["client_id"] == f"{RUN}-1"
    assert sent["prompt"]["2"]["inputs"]["text"] == "a cat"
    assert "extra_data" not in sent
    assert "number" not in sent


async def test_what_is_sent_says_which_delivery_and_attempt_it_is_and_has_no_origin(
    world: World, comfy: ComfyStandIn
) -> None:
    await world.deliver()
    posted = comfy.headers[[path for _, path, _ in comfy.requests].index("/prompt")]
    assert (posted["idempotency-key"], posted["x-delivery-attempt"]) == (RUN, "1")
    assert not any("origin" in headers for headers in (*comfy.headers, *comfy.wire.upgrades))
    assert len(comfy.wire.upgrades) == 1


async def test_the_loras_of_a_composition_are_chained_in_their_order(world: World, comfy: ComfyStandIn) -> None:
    content = composed(
        "a cat",
        lora("/data/loras/sub/nometa_sd15.safetensors", 0.5, 0.25),
        lora("/data/loras/inkwash-style.safetensors", 0.8),
    )
    await world.deliver(world.delivery("a cat <lora:nometa_sd15:0.5>", content=content))
    graph = comfy.submitted[0]["prompt"]
    assert graph["lora-1"]["inputs"] == {
        "model": ["1", 0],
        "clip": ["1", 1],
        "lora_name": "sub/nometa_sd15.safetensors",
        "strength_model": 0.5,
        "strength_clip": 0.25,
    }
    assert graph["lora-2"]["inputs"]["lora_name"] == "inkwash-style.safetensors"
    assert graph["lora-2"]["inputs"]["strength_clip"] == 0.8
    assert graph["5"]["inputs"]["model"] == ["lora-2", 0]
    assert graph["2"]["inputs"] == {"clip": ["lora-2", 1], "text": "a cat"}


async def test_the_loras_of_a_plain_prompt_are_those_of_its_tags(world: World, comfy: ComfyStandIn) -> None:
    await world.deliver(world.delivery("a cat <lora:detail.tweaker v1.2:-1.25> at night"))
    graph = comfy.submitted[0]["prompt"]
    assert graph["lora-1"]["inputs"]["lora_name"] == "detail.tweaker v1.2.safetensors"
    assert graph["lora-1"]["inputs"]["strength_model"] == graph["lora-1"]["inputs"]["strength_clip"] == -1.25
    assert graph["2"]["inputs"]["text"] == "a cat at night"


async def test_without_loras_the_server_is_not_asked_for_them(world: World, comfy: ComfyStandIn) -> None:
    await world.deliver()
    assert comfy.asked("/models/loras") == []
    assert comfy.submitted[0]["prompt"].keys() == txt2img().keys()


async def test_an_older_server_lists_its_loras_elsewhere(world: World, comfy: ComfyStandIn) -> None:
    comfy.instead("/models/loras", Reply(404))
    await world.deliver(world.delivery("<lora:inkwash-style:1>"))
    assert comfy.submitted[0]["prompt"]["lora-1"]["inputs"]["lora_name"] == "inkwash-style.safetensors"


async def test_progress_is_reported_as_it_changes(world: World, comfy: ComfyStandIn) -> None:
    workflow = with_place()
    workflow["5"]["inputs"]["steps"] = 2
    comfy.hold()
    task = asyncio.create_task(world.deliver(world.delivery(workflow=workflow)))
    await world.until_reported(Progress(None, "node 5"))
    comfy.release()
    await task
    assert Progress(0.5, "step 1 of 2") in world.reports
    assert Progress(1.0, "step 2 of 2") in world.reports
    assert Progress(None, "node 6") in world.reports
    assert all(one != next_ for one, next_ in pairwise(world.reports))


async def test_a_run_that_waits_tells_how_many_are_before_it(world: World, comfy: ComfyStandIn) -> None:
    comfy.hold()
    comfy.runs.push((0, "somebody else's", txt2img(), {}, ["7"]))
    await comfy.until_at("5")
    task = asyncio.create_task(world.deliver())
    await world.until_reported(Progress(None, "queued, 1 before it"))
    comfy.release()
    assert (await task)["prompt_id"] == RUN
    assert comfy.runs.history.keys() == {"somebody else's", RUN}


async def test_a_prompt_that_goes_nowhere_is_warned_of(world: World) -> None:
    result = await world.deliver(world.delivery(workflow=txt2img()))
    assert [warning["code"] for warning in result["warnings"]] == ["prompt_unused"]


async def test_a_run_that_computed_nothing_is_warned_of(world: World, comfy: ComfyStandIn) -> None:
    first = await world.deliver()
    comfy.runs.history.clear()
    again = await world.deliver()
    assert again["outputs"] == first["outputs"]
    assert [warning["code"] for warning in again["warnings"]] == ["cached"]
    assert "/free" in again["warnings"][0]["message"]


async def test_credentials_reach_the_server_and_are_shown_nowhere(world: World, comfy: ComfyStandIn) -> None:
    base_url = comfy.url.replace("http://", "http://ann:secret@")
    result = await world.deliver(world.delivery(base_url=base_url))
    assert {headers["authorization"] for headers in (*comfy.headers, *comfy.wire.upgrades)} == {
        "Basic YW5uOnNlY3JldA=="
    }
    assert "secret" not in str(result)
    assert result["outputs"][0]["url"].startswith(f"{comfy.url}/view?")


async def test_numbers_that_are_no_json_do_no_harm(world: World, comfy: ComfyStandIn) -> None:
    await world.deliver()
    entry = comfy.runs.history[RUN]
    entry["prompt"][2]["5"]["inputs"]["cfg"] = float("nan")
    comfy.instead("/history", Reply(content={RUN: entry}))
    assert (await world.deliver())["outputs"][0]["filename"] == "rec_00001_.png"


async def test_other_kinds_of_files_are_outputs_too(world: World, comfy: ComfyStandIn) -> None:
    await world.deliver()
    entry = comfy.runs.history[RUN]
    video = {"filename": "a b.mp4", "subfolder": "vi/deo", "type": "temp", "format": "video/h264-mp4"}
    entry["outputs"] = {"9": {"gifs": [video], "animated": [True], "text": ["seen"]}, "10": None}
    comfy.instead("/history", Reply(content={RUN: entry}))
    assert (await world.deliver())["outputs"] == [
        {
            "node": "9",
            "filename": "a b.mp4",
            "subfolder": "vi/deo",
            "type": "temp",
            "url": f"{comfy.url}/view?filename=a+b.mp4&subfolder=vi%2Fdeo&type=temp",
        }
    ]
