"""The stand-in answers what the real server was recorded to answer."""

import json
from collections.abc import AsyncIterator
from itertools import groupby

import pytest
from websockets.asyncio.client import connect

from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.dispatch.comfyui_recordings import answers, frames, history, steps, submitted
from tests.standins.comfyui import ComfyStandIn
from tests.standins.comfyui_validation import validate
from tests.standins.comfyui_wire import Json

LORAS = answers("01_models", "GET", "/models/loras")[0]
ALL_LORAS = sorted([*LORAS, "celestial_xl.safetensors", "sd21_photo.safetensors"])  # those of the later recordings
VERDICTS = [
    case
    for case in submitted(
        "05_error_bad_link",
        "05_error_cycle",
        "05_error_lora_name_unknown",
        "05_error_missing_class_type",
        "05_error_missing_required_input",
        "05_error_no_output_node",
        "05_error_strength_type",
        "05_error_unknown_node_class",
        "05_one_valid_one_invalid_output",
        "05_two_outputs_both_invalid",
    )
    if "partial_execution_targets" not in case[1]  # which a delivery never sends
]


@pytest.fixture
async def comfy() -> AsyncIterator[ComfyStandIn]:
    async with ComfyStandIn.serving(LORAS) as comfy:
        yield comfy


class Client:
    """Asks, and decodes the answers."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = OutboundClient(AllowedHosts.parse("loopback"))

    async def __call__(self, method: str, path: str, body: Json = None) -> tuple[int, Json]:
        content = b"" if body is None else json.dumps(body).encode()
        answer = await self._client.request(method, self._url + path, content=content, timeout_s=10, max_bytes=10**7)
        is_json = "json" in answer.headers.get("content-type", "")
        return answer.status, json.loads(answer.body) if is_json else answer.body.decode()

    async def aclose(self) -> None:
        await self._client.aclose()


@pytest.fixture
async def ask(comfy: ComfyStandIn) -> AsyncIterator[Client]:
    client = Client(comfy.url)
    yield client
    await client.aclose()


def told(node_errors: Json) -> Json:
    """What of node errors does not depend on tooltips and tracebacks."""
    return {
        node: (
            found["class_type"],
            sorted(found["dependent_outputs"]),
            [
                (error["type"], error["message"], _without_lists(error["details"]), sorted(error["extra_info"]))
                for error in found["errors"]
            ],
        )
        for node, found in node_errors.items()
    }


def _without_lists(details: str) -> str:
    """Details of a mismatch that print a whole list of choices do so for every list of the recorded server."""
    return details.partition("input_type([")[0]


def shape(value: Json) -> Json:
    """Keys and types, without what is in them."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.mark.parametrize(
    ("asked", "status", "answer"), [case[1:] for case in VERDICTS], ids=[case[0] for case in VERDICTS]
)
def test_workflows_are_judged_as_recorded(asked: Json, status: int, answer: Json) -> None:
    verdict = validate(asked["prompt"], ALL_LORAS)
    assert (400 if verdict.error else 200) == status
    assert (verdict.error or {}).get("type") == answer.get("error", {}).get("type")
    assert (verdict.error or {}).get("message") == answer.get("error", {}).get("message")
    assert told(verdict.node_errors) == told(answer["node_errors"])


async def run(comfy: ComfyStandIn, ask: Client, asked: Json, *, interrupt: bool = False) -> list[Json]:
    """The frames of a run, from the connection to its end."""
    received: list[Json] = []
    url = f"{comfy.url.replace('http', 'ws')}/ws?clientId={asked['client_id']}"
    async with connect(url, proxy=None) as socket:
        received.append(json.loads(await socket.recv()))
        assert (await ask("POST", "/prompt", asked))[1]["node_errors"] == {}
        while received[-1]["type"] != "executing" or received[-1]["data"]["node"] is not None:
            received.append(json.loads(await socket.recv()))
            if interrupt and received[-1]["type"] == "executing" and received[-1]["data"]["node"] == "5":
                assert await ask("POST", "/interrupt", {"prompt_id": asked["prompt_id"]}) == (200, "")
    return received


def story(received: list[Json]) -> list[tuple[str, Json]]:
    """The events in their order and what each says; how many nodes there were to run is not told."""
    events = [(frame["type"], shape(_stable(frame["data"]))) for frame in received if frame["type"] != "progress_state"]
    return [event for event, _ in groupby(events)]


def _stable(value: Json) -> Json:
    """Without the lists that differ from run to run."""
    if isinstance(value, dict):
        lists = {"nodes", "executed", "current_outputs", "traceback"}
        return {key: _stable(item) for key, item in value.items() if key not in lists}
    return [_stable(item) for item in value] if isinstance(value, list) else value


def submission(case: str) -> Json:
    return steps(case)[0]["request"]["json"]


async def remembered(ask: Client, run_id: str) -> Json:
    _, entries = await ask("GET", f"/history/{run_id}")
    return entries[run_id]


async def test_a_run_is_told_and_remembered_as_recorded(comfy: ComfyStandIn, ask: Client) -> None:
    asked = submission("03_ws_success_fresh")
    assert story(await run(comfy, ask, asked)) == story(frames("03_ws_success_fresh"))
    entry = await remembered(ask, asked["prompt_id"])
    assert shape(_stable(entry)) == shape(_stable(history("03_ws_success_fresh")))
    assert await ask("GET", "/history/unknown") == (200, {})


async def test_the_same_again_is_told_as_recorded_and_names_the_old_file(comfy: ComfyStandIn, ask: Client) -> None:
    asked = submission("03_ws_cached_rerun")
    first = await run(comfy, ask, asked)
    again = await run(comfy, ask, asked | {"prompt_id": "again"})
    assert story(again) == story(frames("03_ws_cached_rerun"))
    old, new = ([frame["data"]["output"] for frame in got if frame["type"] == "executed"] for got in (first, again))
    assert old == new
    assert shape(_stable(await remembered(ask, "again"))) == shape(_stable(history("03_ws_cached_rerun")))


async def test_a_lora_file_that_ends_too_early_fails_as_recorded(comfy: ComfyStandIn, ask: Client) -> None:
    comfy.switches.truncated = {"truncated.safetensors"}
    asked = submission("03_ws_lora_truncated")
    assert story(await run(comfy, ask, asked)) == story(frames("03_ws_lora_truncated"))
    entry, recorded = await remembered(ask, asked["prompt_id"]), history("03_ws_lora_truncated")
    assert shape(_stable(entry)) == shape(_stable(recorded))
    (_, failed), (_, failed_then) = entry["status"]["messages"][-1], recorded["status"]["messages"][-1]
    for fact in ("node_id", "node_type", "exception_message", "exception_type"):
        assert failed[fact] == failed_then[fact]


async def test_what_another_branch_had_written_is_remembered_of_a_failed_run(comfy: ComfyStandIn, ask: Client) -> None:
    good, bad = submission("03_ws_success_fresh"), submission("03_ws_lora_truncated")
    comfy.switches.truncated = {"truncated.safetensors"}
    branch = {
        f"b{node}": {**content, "inputs": {key: _moved(value) for key, value in content["inputs"].items()}}
        for node, content in bad["prompt"].items()
    }
    await run(comfy, ask, good | {"prompt": good["prompt"] | branch, "prompt_id": "both"})
    entry, recorded = await remembered(ask, "both"), history("03_ws_error_after_first_output")
    assert shape(entry["outputs"]) == shape(recorded["outputs"])
    assert (entry["status"]["status_str"], entry["status"]["completed"]) == ("error", False)


def _moved(value: Json) -> Json:
    return [f"b{value[0]}", value[1]] if isinstance(value, list) else value


async def test_an_interrupted_run_is_told_and_remembered_as_recorded(comfy: ComfyStandIn, ask: Client) -> None:
    comfy.hold()
    received = await run(comfy, ask, submission("03_ws_success_fresh") | {"prompt_id": "p"}, interrupt=True)
    assert story(received)[-3:] == story(frames("03_ws_interrupted"))[-3:]
    entry = await remembered(ask, "p")
    assert shape(_stable(entry["status"])) == shape(_stable(history("03_ws_interrupted")["status"]))
    assert entry["outputs"] == {}


async def test_the_queue_is_shown_as_recorded(comfy: ComfyStandIn, ask: Client) -> None:
    assert await ask("GET", "/queue") == (200, answers("01_queue_and_prompt_empty", "GET", "/queue")[0])
    assert await ask("GET", "/prompt") == (200, answers("01_queue_and_prompt_empty", "GET", "/prompt")[0])
    recorded = answers("01_queue_nonempty", "GET", "/queue")[0]
    comfy.hold()
    for item in (*recorded["queue_running"], *recorded["queue_pending"]):
        await ask("POST", "/prompt", {"prompt": item[2], "client_id": "qq", "extra_data": {"k": "v"}})
    await comfy.until_at("5")
    assert shape((await ask("GET", "/queue"))[1]) == shape(recorded)


async def test_loras_are_listed_as_recorded(ask: Client) -> None:
    assert await ask("GET", "/models/loras") == (200, LORAS)
    (recorded,) = answers("01_object_info_LoraLoader", "GET", "/object_info/LoraLoader")
    _, shown = await ask("GET", "/object_info/LoraLoader")
    wanted = shown["LoraLoader"]["input"]["required"]
    assert wanted.keys() == recorded["LoraLoader"]["input"]["required"].keys()
    assert wanted["lora_name"] == recorded["LoraLoader"]["input"]["required"]["lora_name"]
    assert shown["LoraLoader"]["output"] == recorded["LoraLoader"]["output"]


@pytest.mark.parametrize(
    "step",
    # Lists where objects belong are what a delivery never sends.
    [step for step in steps("05_error_empty_prompt") if step["label"] not in {"[]", "body is a list"}],
    ids=lambda step: step["label"],
)
async def test_odd_bodies_are_answered_as_recorded(ask: Client, step: Json) -> None:
    asked = step["request"].get("json")
    response = step["response"]
    assert await ask("POST", "/prompt", asked) == (response["status"], response.get("json", response.get("text")))


async def test_equal_numbers_and_ids_of_different_runs_are_answered_500_and_queued(
    comfy: ComfyStandIn, ask: Client
) -> None:
    graph = submission("03_ws_success_fresh")["prompt"]
    other = graph | {"4": {"class_type": "EmptyLatentImage", "inputs": {"width": 8, "height": 8, "batch_size": 1}}}
    comfy.hold()
    await ask("POST", "/prompt", {"prompt": graph})
    await comfy.until_at("5")
    assert (await ask("POST", "/prompt", {"prompt": graph, "number": 7, "prompt_id": "same"}))[0] == 200
    status, text = await ask("POST", "/prompt", {"prompt": other, "number": 7, "prompt_id": "same"})
    assert (status, text) == (500, "500 Internal Server Error\n\nServer got itself in trouble")
    _, queue = await ask("GET", "/queue")
    assert [item[1] for item in queue["queue_pending"]] == ["same", "same"]
