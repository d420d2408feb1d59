"""Composing prompts and taking them apart."""

import json
from typing import Any

import pytest

from tests.http.service import NOBODY, Service, wrong
from tests.standins.http_server import serving


async def test_the_active_adapters_become_a_prompt_in_their_order(service: Service) -> None:
    ink = await service.register("ink", active=True, ordinal=2, weight=0.75, triggers=[{"text": "ink wash"}])
    fog = await service.register("fog", active=True, ordinal=1, weight=-0.5)
    await service.register("unused")
    body = {"prefix": " a harbour ", "suffix": "at dawn", "triggers": "required"}
    answer = await service.client.post("/compose", json=body)
    assert answer.json() == {
        "prompt": "a harbour <lora:fog:-0.5> <lora:ink:0.75> ink wash at dawn",
        "tokens": ["<lora:fog:-0.5>", "<lora:ink:0.75>"],
        "warnings": [],
        "adapters": [
            {"id": fog["id"], "name": "fog", "weight": -0.5, "ordinal": 1},
            {"id": ink["id"], "name": "ink", "weight": 0.75, "ordinal": 2},
        ],
        "delivery": None,
    }


async def test_named_adapters_come_in_the_order_and_with_the_weights_of_the_request(service: Service) -> None:
    ink = await service.register("ink")
    await service.register("fog")
    members = [{"name": "fog", "weight": 0.25}, {"id": ink["id"], "weight": None}]
    answer = await service.client.post("/compose", json={"adapters": members, "separator": ", "})
    assert answer.json()["prompt"] == "<lora:fog:0.25>, <lora:ink:1>"


async def test_warnings_tell_what_a_runtime_would_keep_quiet(service: Service) -> None:
    adapter = await service.register("ink", active=True, weight=0)
    warnings = (await service.client.post("/compose", json={})).json()["warnings"]
    assert [(warning["code"], warning["adapter_id"]) for warning in warnings] == [("weight_zero", adapter["id"])]
    nothing = (await service.client.post("/compose", json={"adapters": []})).json()["warnings"]
    assert [warning.keys() for warning in nothing] == [{"code", "message"}]


async def test_a_change_shows_in_the_next_composition(service: Service) -> None:
    adapter = await service.register("ink", active=True)
    assert (await service.client.post("/compose", json={})).json()["prompt"] == "<lora:ink:1>"
    await service.client.patch(f"/adapters/{adapter['id']}", json={"weight": 0.5})
    assert (await service.client.post("/compose", json={})).json()["prompt"] == "<lora:ink:0.5>"
    await service.client.post(f"/adapters/{adapter['id']}/deactivate")
    assert (await service.client.post("/compose", json={})).json()["prompt"] == ""


async def test_where_loras_go_beside_the_prompt_they_are_listed(service: Service) -> None:
    await service.register("ink", active=True, weight=0.5)
    answer = (await service.client.post("/compose", json={"prefix": "a harbour", "dialect": "sdcpp"})).json()
    assert (answer["prompt"], answer["tokens"]) == ("a harbour", [])
    assert answer["loras"] == [{"path": "ink.safetensors", "multiplier": 0.5, "is_high_noise": False}]


async def test_what_a_dialect_cannot_write_is_refused(service: Service) -> None:
    await service.register("a=b", active=True)
    answer = await service.client.post("/compose", json={})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/not-writable")
    assert "a=b" in answer.json()["detail"]


@pytest.mark.parametrize("member", [{"id": NOBODY}, {"name": "nobody"}, {"name": "<impossible>"}, {"name": ""}])
async def test_a_named_adapter_that_is_not_there_is_named(service: Service, member: dict[str, str]) -> None:
    answer = await service.client.post("/compose", json={"adapters": [member]})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/adapter-not-found")
    assert repr(next(iter(member.values()))) in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"dialect": "esperanto"}, ["dialect"]),
        ({"adapters": [{}, {"id": NOBODY, "name": "ink"}]}, ["adapters[0]", "adapters[1]"]),
        ({"adapters": [{"name": "ink"}] * 10_001}, ["adapters"]),
        ({"adapters": [{"name": 1}, {"nam": "x"}, 3]}, ["adapters[0].name", "adapters[1].nam", "adapters[2]"]),
        ({"adapters": {"name": "ink"}}, ["adapters"]),
        ({"prefix": None, "suffix": 1, "separator": "x" * 101}, ["prefix", "separator", "suffix"]),
        ({"prefix": "a\0b", "suffix": "x" * 100_001}, ["prefix", "suffix"]),
        ({"prefix": "a\0b", "triggers": "some"}, ["prefix", "triggers"]),
        ({"triggers": "some", "dedupe": "none", "base_model": " "}, ["base_model", "dedupe", "triggers"]),
        ({"delivery": {"mode": "http"}}, ["delivery.http.host"]),
        ({"delivery": False, "weight": 1}, ["delivery", "weight"]),
        ({"delivery": {}}, ["delivery.mode"]),
        ({"delivery": {"mode": "ftp", "http": 1, "url": "x"}}, ["delivery.http", "delivery.mode", "delivery.url"]),
        ({"delivery": {"mode": "http", "http": {"host": "example.org"}}}, ["delivery.http.host"]),
        ({"delivery": {"mode": "cli", "cli": {"template": "rm"}}}, ["delivery.cli.template"]),
        ({"delivery": {"mode": "cli", "http": {}, "sdnext": {}}}, ["delivery.http", "delivery.sdnext"]),
        ({"delivery": {"mode": "cli", "cli": {"max_attempts": 0}, "timeout_s": 0}},
         ["delivery.cli.max_attempts", "delivery.timeout_s"]),
        ({"delivery": {"mode": "cli", "cli": {"timeout_s": 1}, "timeout_s": 2}}, ["delivery.cli.timeout_s"]),
        ({"weight": 1, "prefix": "\0", "delivery": {"mode": "http", "http": {"port": 0}, "max_attempts": 0}},
         ["delivery.http.host", "delivery.http.port", "delivery.max_attempts", "prefix", "weight"]),
        ({"dialect": "esperanto", "delivery": {"mode": "http"}}, ["dialect"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_composed_is_named_field_by_field(
    service: Service, body: dict[str, Any], names: list[str]
) -> None:
    assert sorted(wrong(await service.client.post("/compose", json=body))) == names
    assert (await service.client.get("/deliveries")).json()["items"] == []


async def test_a_composed_prompt_is_delivered_with_what_it_is_made_of(service: Service) -> None:
    async def take(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b""

    adapter = await service.register("ink", active=True, weight=0.75)
    async with serving(take) as target:
        http = {"host": "127.0.0.1", "port": target.port, "timeout_s": 5}
        body = {"prefix": "a harbour", "delivery": {"mode": "http", "http": http, "max_attempts": 2}}
        answer = await service.client.post("/compose", json=body)
        delivery = answer.json()["delivery"]
        assert (answer.status_code, list(delivery), delivery["status"]) == (200, ["id", "status"], "pending")
        async with service.working():
            shown = await service.end_of(delivery["id"])
    assert (shown["status"], shown["max_attempts"], shown["timeout_s"]) == ("succeeded", 2, 5.0)
    assert shown["prompt"] == answer.json()["prompt"] == "a harbour <lora:ink:0.75>"
    [request] = target.requests
    [lora] = json.loads(request.body)["metadata"]["adapters"]
    assert (lora["id"], lora["weight"], lora["sha256"]) == (adapter["id"], 0.75, adapter["sha256"])


async def test_a_composition_can_go_where_no_parameters_are_needed(service: Service) -> None:
    ways: list[dict[str, object]] = [{}, {"cli": {}}, {"cli": None, "http": None}]
    for given in ways:
        answer = await service.client.post("/compose", json={"delivery": {"mode": "cli", **given}})
        assert answer.status_code == 200, answer.text
        assert (await service.delivery(answer.json()["delivery"]["id"]))["params"] == {}


async def test_a_workflow_without_a_place_for_a_lora_is_refused_where_there_are_loras(service: Service) -> None:
    workflow = {"1": {"class_type": "SaveImage", "inputs": {}}}
    body = {"delivery": {"mode": "comfyui", "comfyui": {"base_url": "http://localhost:8188", "workflow": workflow}}}
    assert (await service.client.post("/compose", json=body)).status_code == 200
    await service.register("ink", active=True)
    assert list(wrong(await service.client.post("/compose", json=body))) == ["delivery.comfyui.workflow"]


async def test_what_cannot_be_composed_is_not_delivered(service: Service) -> None:
    body = {"adapters": [{"name": "nobody"}], "delivery": {"mode": "http", "http": {"host": "example.org"}}}
    answer = await service.client.post("/compose", json=body)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/adapter-not-found")
    assert (await service.client.get("/deliveries")).json()["items"] == []


@pytest.mark.parametrize("weight", [100.001, -101, 1e308, 10**30])
async def test_a_weight_beyond_the_limits_is_refused_by_its_place(service: Service, weight: float) -> None:
    await service.register("ink")
    body = {"adapters": [{"name": "ink"}, {"name": "ink", "weight": weight}]}
    assert list(wrong(await service.client.post("/compose", json=body))) == ["adapters[1].weight"]


async def test_a_delivery_of_null_is_none(service: Service) -> None:
    answer = await service.client.post("/compose", json={"delivery": None, "dialect": None, "adapters": None})
    assert (answer.status_code, answer.json()["delivery"]) == (200, None)


async def test_a_prompt_is_taken_apart_and_its_names_are_looked_up(service: Service) -> None:
    adapter = await service.register("ink")
    body = {"prompt": "a <lora:ink:0.5:0.75> b <lora:nobody:1> <lora:ink:1>"}
    assert (await service.client.post("/compose/parse", json=body)).json() == {
        "text": "a b",
        "tags": [
            {"name": "ink", "weight": 0.75, "te_weight": 0.5},
            {"name": "nobody", "weight": 1.0, "te_weight": None},
            {"name": "ink", "weight": 1.0, "te_weight": None},
        ],
        "adapters": [adapter],
        "unresolved": ["nobody"],
    }


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "\0",
        "<lora:\0:1>",
        "<lora:%s:1>" % ("x" * 100_000),
        "<" * 100_000,
        "\U0001f58b <lora:\U0001f58b:1>",
        "<lora::>",
    ],
)
async def test_any_text_can_be_taken_apart(each_service: Service, prompt: str) -> None:
    for dialect in (None, "a1111", "sdnext", "comfyui-lora-manager", "sdcpp"):
        answer = await each_service.client.post("/compose/parse", json={"prompt": prompt, "dialect": dialect})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "names"), [({}, ["prompt"]), ({"prompt": None}, ["prompt"]), ({"prompt": "", "dialect": "x"}, ["dialect"])]
)
async def test_only_text_can_be_taken_apart(service: Service, body: dict[str, Any], names: list[str]) -> None:
    assert list(wrong(await service.client.post("/compose/parse", json=body))) == names
