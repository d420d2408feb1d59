"""What ComfyUI refuses or fails at ends in a failure that says what, where, and whether to try again."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from lora_manager.adapters.dispatch.comfyui_answers import refusal
from tests.contract.dispatch.comfyui_recordings import steps, submitted
from tests.contract.dispatch.comfyui_world import QUICK, RUN, World, composed, lora, with_place, world_of
from tests.standins.comfyui import ComfyStandIn
from tests.standins.comfyui_wire import CRASH, Json, Reply
from tests.unit.domain.delivery.workflows import node


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of(QUICK) as world:
        yield world


@pytest.fixture
def comfy(world: World) -> ComfyStandIn:
    return world.comfy


async def test_a_lora_that_the_server_does_not_have_is_named_before_anything_is_sent(
    world: World, comfy: ComfyStandIn
) -> None:
    content = composed("a cat", lora("/data/gone.safetensors"), lora("/data/inkwash-style.safetensors"))
    error = await world.failure(world.delivery(content=content))
    assert (error.code, error.retryable) == ("lora_not_found", False)
    assert "'gone' (file 'gone.safetensors')" in error.message
    assert "inkwash" not in error.message
    assert comfy.submitted == []


async def test_a_lora_that_vanishes_at_the_last_moment_is_named(world: World, comfy: ComfyStandIn) -> None:
    comfy.instead("/models/loras", Reply(content=["gone.safetensors"]))
    error = await world.failure(world.delivery("<lora:gone:1>"))
    assert (error.code, error.retryable) == ("lora_not_found", False)
    assert "node 'lora-1' (LoraLoader), input lora_name: the server has no 'gone.safetensors'" in error.message


@pytest.mark.parametrize(
    ("path", "reply"),
    [("/models/loras", Reply(content={})), ("/object_info/LoraLoader", Reply(content={}))],
    ids=["no list", "no such node"],
)
async def test_a_list_of_loras_in_no_known_form_is_told(
    world: World, comfy: ComfyStandIn, path: str, reply: Reply
) -> None:
    if path != "/models/loras":
        comfy.instead("/models/loras", Reply(404))
    comfy.instead(path, reply)
    error = await world.failure(world.delivery("<lora:inkwash-style:1>"))
    assert (error.code, error.retryable) == ("bad_answer", True)


async def test_a_workflow_that_is_run_only_in_part_is_stopped_and_fails(world: World, comfy: ComfyStandIn) -> None:
    workflow = with_place() | {
        "b6": node("VAEDecode", samples=["5", 0], vae=["1", 1]),
        "b7": node("SaveImage", images=["b6", 0], filename_prefix="bad"),
    }
    comfy.hold()
    error = await world.failure(world.delivery(workflow=workflow))
    assert (error.code, error.retryable) == ("workflow_rejected", False)
    assert "node 'b6' (VAEDecode), input vae: Return type mismatch" in error.message
    assert comfy.asked("/interrupt") == [{"prompt_id": RUN}]
    await comfy.until(lambda _: comfy.runs.remaining == 0)
    assert "success" not in [entry["status"]["status_str"] for entry in comfy.runs.history.values()]


async def test_a_node_that_fails_is_named_with_what_it_says(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.truncated = {"inkwash-style.safetensors"}
    failed = await world.failed(world.delivery("<lora:inkwash-style:1>"))
    assert (failed.error.code, failed.error.retryable) == ("execution_error", False)
    assert failed.error.message == (
        "ComfyUI failed in node 'lora-1' (LoraLoader): "
        "Error while deserializing header: incomplete metadata, file not fully covered"
    )


async def test_what_was_written_before_a_failure_is_shown(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.truncated = {"inkwash-style.safetensors"}
    workflow = with_place() | {
        "b1": node("CheckpointLoaderSimple", ckpt_name="b"),
        "bl": node(
            "LoraLoader",
            model=["b1", 0],
            clip=["b1", 1],
            lora_name="inkwash-style.safetensors",
            strength_model=1,
            strength_clip=1,
        ),
        "b5": node("KSampler", **{**with_place()["5"]["inputs"], "model": ["bl", 0]}),
        "b6": node("VAEDecode", samples=["b5", 0], vae=["b1", 2]),
        "b7": node("SaveImage", images=["b6", 0], filename_prefix="bad"),
    }
    failed = await world.failed(world.delivery(workflow=workflow, loader="1"))
    assert failed.error.code == "execution_error"
    assert failed.result is not None
    outputs: Json = failed.result["outputs"]
    assert [output["filename"] for output in outputs] == ["rec_00001_.png"]


async def test_too_little_memory_is_tried_again(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.out_of_memory = True
    error = await world.failure()
    assert (error.code, error.retryable) == ("out_of_memory", True)


async def test_a_failure_that_does_not_say_why_is_a_failure_all_the_same(world: World, comfy: ComfyStandIn) -> None:
    comfy.switches.out_of_memory = True
    await world.failure()
    entry = comfy.runs.history[RUN]
    entry["status"]["messages"] = [["execution_error", None], "nothing"]
    comfy.runs.history.clear()
    comfy.afterwards("/history", Reply(content={}), Reply(content={RUN: entry}))
    error = await world.failure()
    assert (error.code, error.message) == ("execution_error", "ComfyUI failed in some node: it does not say why")


@pytest.mark.parametrize(
    ("reply", "code", "said", "retryable"),
    [
        (Reply(413, "Maximum request body size 104857600 exceeded."), "refused", "--max-upload-size", False),
        (Reply(403), "unauthorized", "credentials", False),
        (Reply(401), "unauthorized", "credentials", False),
        (Reply(404), "no_api", "base_url", False),
        (Reply(405, "405: Method Not Allowed"), "no_api", "base_url", False),
        (Reply(302, headers={"Location": "http://127.0.0.1:1/"}), "redirected", "not followed", False),
        (Reply(400, "bad"), "refused", "check base_url", False),
        (Reply(400, {"error": "no object"}), "refused", "check base_url", False),
        (Reply(429), "server_busy", "patience", True),
        (Reply(502, "<html>"), "server_error", "502", True),
        (CRASH, "server_error", "its log tells more", True),
        (Reply(content="{"), "bad_answer", "not JSON", True),
        (Reply(content="[" * 100_000), "bad_answer", "not JSON", True),
        (Reply(content=["nothing"]), "bad_answer", "does not answer as ComfyUI does", True),
    ],
    ids=repr,
)
async def test_an_answer_other_than_comfyuis_is_told_for_what_it_is(
    world: World, comfy: ComfyStandIn, reply: Reply, code: str, said: str, retryable: bool
) -> None:
    comfy.instead("/prompt", reply)
    error = await world.failure()
    assert (error.code, error.retryable) == (code, retryable)
    assert said in error.message


async def test_a_server_that_is_not_there_is_tried_again(world: World, comfy: ComfyStandIn) -> None:
    error = await world.failure(world.delivery(base_url="http://127.0.0.1:1"))
    assert (error.code, error.retryable) == ("unreachable", True)
    assert comfy.requests == []


async def test_an_entry_of_the_history_in_no_known_form_is_told(world: World, comfy: ComfyStandIn) -> None:
    comfy.instead("/history", Reply(content={RUN: {"status": None}}))
    error = await world.failure()
    assert (error.code, error.retryable) == ("bad_answer", True)


async def test_a_workflow_that_has_no_place_for_loras_after_all_is_told(world: World) -> None:
    delivery = world.delivery("<lora:inkwash-style:1>")
    odd = replace(delivery, params={**delivery.params, "workflow": {"1": node("LoadImage", image="a.png")}})
    error = await world.failure(odd)
    assert (error.code, error.retryable) == ("workflow_rejected", False)
    assert "has no place for a LoRA" in error.message


RECORDED = [
    ("05_error_cycle", "", "links that lead in a circle are a known cause"),
    ("05_error_no_output_node", "SaveImage removed", "it has no node that puts out anything, such as SaveImage"),
    ("05_error_unknown_node_class", "NoSuchNode", "node NoSuchNode does not exist. (Node ID '#5')"),
    ("05_error_missing_class_type", "no class_type", "missing the class_type property. (Node ID '#5')"),
    (
        "05_error_missing_required_input",
        "no lora_name and no model",
        "input model: Required input is missing; node '10' (LoraLoader), input lora_name: Required input is missing",
    ),
    (
        "05_error_bad_link",
        "unknown node id, link of the sampler",
        "node '5' (KSampler): could not be checked ('99'); a link to nothing is the usual cause",
    ),
    (
        "05_error_bad_link",
        "wrong type",
        "node '5' (KSampler), input model: Return type mismatch between linked nodes (model, received_type(VAE) mis",
    ),
    (
        "05_error_strength_type",
        "150",
        "node '10' (LoraLoader), input strength_model: Value 150.0 bigger than max of 100.0",
    ),
]


@pytest.mark.parametrize(("case", "label", "said"), RECORDED, ids=[f"{case}: {label}" for case, label, _ in RECORDED])
def test_what_a_real_server_said_is_told_in_words(case: str, label: str, said: str) -> None:
    (step,) = (step for step in steps(case) if step.get("label", "") == label)

    failure = refusal(step["response"]["status"], json.dumps(step["response"]["json"]).encode())
    assert (failure.error.code, failure.error.retryable) == ("workflow_rejected", False)
    assert said in failure.error.message


def test_every_recorded_answer_to_an_unknown_lora_names_it() -> None:

    for label, asked, status, answer in submitted("05_error_lora_name_unknown"):
        failure = refusal(status, json.dumps(answer).encode())
        assert failure.error.code == "lora_not_found", label
        assert repr(str(asked["prompt"]["10"]["inputs"]["lora_name"])) in failure.error.message


def test_of_many_wrong_inputs_the_first_few_are_told_and_none_at_length() -> None:
    error = {"type": "custom_validation_failed", "message": "no", "details": "x" * 10_000, "extra_info": {}}

    node_errors = {"1": {"class_type": "Odd", "errors": [error] * 9, "dependent_outputs": []}, "2": "odd"}
    body = {"error": {"type": "prompt_outputs_failed_validation"}, "node_errors": node_errors}
    message = refusal(400, json.dumps(body).encode()).error.message
    assert message.endswith("; and 5 more")
    assert len(message) < 4000
