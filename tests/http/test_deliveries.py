"""Accepting, showing, listing, cancelling and retrying deliveries."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.http.service import NOBODY, Service, wrong
from tests.standins.http_server import serving

SHOWN = (
    *("id", "prompt", "mode", "params", "status", "attempts", "result", "error", "progress", "created_at"),
    *("started_at", "finished_at", "next_attempt_at", "max_attempts", "timeout_s"),
)
LOOPBACK = {"mode": "http", "params": {"host": "127.0.0.1", "port": 9}}
WORKFLOW = {"1": {"class_type": "SaveImage", "inputs": {}}}
PROMPT = "a harbour <lora:ink:0.75>"


async def accept(service: Service, key: str | None = None, **request: object) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await service.client.post("/deliveries", json={"prompt": PROMPT, **LOOPBACK, **request}, headers=headers)


async def failed(service: Service) -> str:
    """The id of a delivery that failed."""
    delivery_id = await service.deliver(mode="cli", params={"template": "fail", "max_attempts": 1})
    async with service.working():
        assert (await service.end_of(delivery_id))["status"] == "failed"
    return delivery_id


async def test_an_accepted_delivery_waits_to_be_tried(service: Service) -> None:
    answer = await accept(service)
    assert answer.status_code == 201
    delivery_id = answer.json()["delivery_id"]
    assert answer.json() == {"delivery_id": delivery_id, "status": "pending"}
    assert answer.headers["location"] == f"/deliveries/{delivery_id}"
    assert UUID(delivery_id).version == 7
    shown = (await service.client.get(answer.headers["location"])).json()["delivery"]
    assert tuple(shown) == SHOWN
    assert shown == {
        "id": delivery_id,
        "prompt": PROMPT,
        **LOOPBACK,
        "status": "pending",
        "attempts": [],
        "result": None,
        "error": None,
        "progress": {"fraction": None, "detail": None},
        "created_at": shown["created_at"],
        "started_at": None,
        "finished_at": None,
        "next_attempt_at": shown["created_at"],
        "max_attempts": 5,
        "timeout_s": 300.0,
    }


async def test_a_delivered_prompt_shows_its_attempt_and_what_the_target_gave_back(service: Service) -> None:
    delivery_id = await service.deliver(mode="cli", params={"template": "draw"})
    async with service.working():
        shown = await service.end_of(delivery_id)
    [attempt] = shown["attempts"]
    assert (shown["status"], shown["error"]) == ("succeeded", None)
    assert (attempt["number"], attempt["outcome"], attempt["error"]) == (1, "succeeded", None)
    assert attempt["worker"]
    assert attempt["started_at"] == shown["started_at"]
    assert attempt["finished_at"] == shown["finished_at"]
    assert shown["result"]["stdout"] == "a quiet harbour"
    assert shown["next_attempt_at"] is None


async def test_a_delivery_that_failed_says_why_and_whether_trying_again_may_help(service: Service) -> None:
    shown = await service.delivery(await failed(service))
    assert shown["error"] == shown["attempts"][0]["error"]
    assert (shown["error"]["code"], shown["error"]["retryable"]) == ("exit_code", True)
    assert "'fail'" in shown["error"]["message"]


async def test_the_target_gets_the_prompt_and_the_key_of_the_delivery(service: Service) -> None:
    async def take(*_: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, b""

    async with serving(take) as target:
        params = {"host": "127.0.0.1", "port": target.port, "path": "/prompts", "headers": {"X-Token": "xyzzy"}}
        delivery_id = await service.deliver(mode="http", params=params)
        async with service.working():
            shown = await service.end_of(delivery_id)
    [request] = target.requests
    assert (request.path, request.headers["x-token"]) == ("/prompts", "xyzzy")
    assert request.headers["idempotency-key"] == delivery_id
    assert shown["params"]["headers"] == {"X-Token": "***"}
    assert "xyzzy" not in str(shown)


async def test_an_empty_prompt_can_be_delivered(service: Service) -> None:
    assert (await accept(service, prompt="")).status_code == 201


async def test_the_same_key_and_request_again_is_the_same_delivery(service: Service) -> None:
    first = await accept(service, "key-1")
    await service.client.post(f"/deliveries/{first.json()['delivery_id']}/cancel")
    again = await accept(service, "key-1", max_attempts=5, timeout_s=300)
    assert again.status_code == 201
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == {"delivery_id": first.json()["delivery_id"], "status": "cancelled"}
    assert len((await service.client.get("/deliveries")).json()["items"]) == 1


@pytest.mark.parametrize("change", [{"prompt": "other"}, {"max_attempts": 4}, {"mode": "cli", "params": {}}])
async def test_the_same_key_with_another_request_is_a_conflict(service: Service, change: dict[str, object]) -> None:
    await accept(service, "key-1")
    answer = await accept(service, "key-1", **change)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/idempotency-key-reused")


async def test_without_a_key_every_request_is_a_delivery_of_its_own(service: Service) -> None:
    assert (await accept(service)).json() != (await accept(service)).json()


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "a,b, c", "é".encode().decode("latin-1"), "\x7f"])
async def test_a_key_is_printable_ascii(service: Service, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    answer = await service.client.post("/deliveries", json={"prompt": "", **LOOPBACK}, headers=headers)
    assert list(wrong(answer)) == ["Idempotency-Key"]


async def test_two_keys_are_none(service: Service) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await service.client.post("/deliveries", json={"prompt": "", **LOOPBACK}, headers=headers)
    assert list(wrong(answer)) == ["Idempotency-Key"]


@pytest.mark.parametrize(
    "limits",
    [
        {"max_attempts": 7, "timeout_s": 2.5},
        {"params": {"max_attempts": 7, "timeout_s": 2.5}},
        {"params": {"max_attempts": 7}, "timeout_s": 2.5},
        {"max_attempts": 7, "timeout_s": 2.5, "params": {"max_attempts": 7, "timeout_s": 2.5}},
        {"max_attempts": None, "timeout_s": 2.5, "params": {"max_attempts": 7, "timeout_s": None}},
    ],
)
async def test_the_limits_may_stand_beside_the_parameters_or_among_them(
    service: Service, limits: dict[str, Any]
) -> None:
    params = LOOPBACK["params"] | limits.pop("params", {})
    delivery_id = (await accept(service, "same", params=params, **limits)).json()["delivery_id"]
    shown = await service.delivery(delivery_id)
    assert (shown["max_attempts"], shown["timeout_s"]) == (7, 2.5)
    assert shown["params"] == LOOPBACK["params"]
    again = await accept(service, "same", max_attempts=7, timeout_s=2.5)
    assert again.json()["delivery_id"] == delivery_id


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"mode": "cli"}, ["prompt"]),
        ({"prompt": "x"}, ["mode"]),
        ({"prompt": None, "mode": None, "params": None}, ["mode", "params", "prompt"]),
        ({"prompt": 1, "mode": "smtp", "params": [], "retries": 1}, ["mode", "params", "prompt", "retries"]),
        ({"prompt": "x", "mode": "http"}, ["params.host"]),
        ({"prompt": "x", "mode": "http", "params": {"port": 0, "hots": 1}},
         ["params.host", "params.hots", "params.port"]),
        ({"prompt": "x", "mode": "http", "params": {"host": "example.org"}}, ["params.host"]),
        ({"prompt": "x", "mode": "http", "params": {"host": "169.254.169.254"}}, ["params.host"]),
        ({"prompt": "x", "mode": "http", "params": {"host": "localhost", "headers": {"Host": "x", "a b": ""}}},
         ["params.headers.Host", "params.headers.a b"]),
        ({"prompt": "x", "mode": "cli", "params": {"template": "rm"}}, ["params.template"]),
        ({"prompt": "x", "mode": "cli", "params": {"template": "/bin/sh"}}, ["params.template"]),
        ({"prompt": "x", "mode": "sdnext", "params": {"base_url": "http://10.0.0.1:7860"}}, ["params.base_url"]),
        ({"prompt": "x", "mode": "comfyui", "params": {"base_url": "http://localhost"}}, ["params.workflow"]),
        ({"prompt": PROMPT, "mode": "comfyui", "params": {"base_url": "http://localhost", "workflow": WORKFLOW}},
         ["params.workflow"]),
        ({"prompt": "a\0", "mode": "http", "params": {"host": "a b"}, "max_attempts": 0, "timeout_s": 86_401},
         ["max_attempts", "params.host", "prompt", "timeout_s"]),
        ({"mode": "http", "params": {"host": ""}, "max_attempts": 101}, ["max_attempts", "params.host", "prompt"]),
        ({"prompt": 1, "mode": "ftp", "params": {"host": ""}, "max_attempts": 101}, ["max_attempts", "mode", "prompt"]),
        ({"prompt": "x", "mode": "cli", "params": {"max_attempts": 101, "timeout_s": 0, "y": 1}},
         ["params.max_attempts", "params.timeout_s", "params.y"]),
        ({"prompt": "x", "mode": "cli", "params": {"max_attempts": 1.0, "timeout_s": "1"}},
         ["params.max_attempts", "params.timeout_s"]),
        ({"prompt": "x", "mode": "cli", "max_attempts": True, "timeout_s": "1"}, ["max_attempts", "timeout_s"]),
        ({"prompt": "x", "mode": "cli", "max_attempts": 5, "params": {"max_attempts": 4}}, ["params.max_attempts"]),
        ({"prompt": "x", "mode": "cli", "params": {"timeout_s": 10**400}}, ["params.timeout_s"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_delivered_is_named_field_by_field(
    service: Service, body: dict[str, Any], names: list[str]
) -> None:
    answer = await service.client.post("/deliveries", json=body)
    assert sorted(wrong(answer)) == names
    assert (await service.client.get("/deliveries")).json()["items"] == []


async def test_a_refusal_says_what_would_be_allowed(service: Service) -> None:
    answer = await accept(service, params={"host": "example.org"})
    assert "DELIVERY_ALLOWED_HOSTS" in wrong(answer)["params.host"]
    answer = await accept(service, mode="cli", params={"template": "rm"})
    assert "draw, fail" in wrong(answer)["params.template"]
    answer = await accept(service, params={"host": "localhost", "max_attempts": 4}, max_attempts=5)
    assert wrong(answer) == {"params.max_attempts": "is 4, but max_attempts is 5: say it once"}


@pytest.mark.parametrize("depth", [129, 900, 100_000])
async def test_what_is_nested_too_deep_is_refused(service: Service, depth: int) -> None:
    for prompt in ('"x"', "1"):
        nested = "[" * depth + "]" * depth
        content = f'{{"prompt": {prompt}, "mode": "cli", "params": {{"x": {nested}}}}}'
        answer = await service.client.post("/deliveries", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400, answer.text


async def test_a_number_beyond_every_float_is_named_where_it_stands(service: Service) -> None:
    content = '{"prompt": "x", "mode": "sdnext", "params": {"payload": {"a": [1, {"b": 1e999}]}}}'
    answer = await service.client.post("/deliveries", content=content, headers={"Content-Type": "application/json"})
    assert wrong(answer)["params.payload.a[1].b"] == "must be a finite number"


async def test_parameters_come_back_as_they_were_sent(each_service: Service) -> None:
    payload = {"seed": 2**64 - 1, "big": 10**30, "text": "\u2028 \U0001f58b", "deep": [[1.5, None, True]], "": {}}
    params = {"base_url": "http://localhost:7860", "payload": payload}
    delivery_id = await each_service.deliver(mode="sdnext", params=params)
    assert (await each_service.delivery(delivery_id))["params"] == params


async def test_a_listing_shows_the_latest_first_as_each_is_shown_alone(each_service: Service) -> None:
    ids = [await each_service.deliver(**LOOPBACK) for _ in range(3)]
    page = (await each_service.client.get("/deliveries")).json()
    assert page == {"items": [await each_service.delivery(one) for one in reversed(ids)], "next_cursor": None}


async def test_statuses_and_modes_select(service: Service) -> None:
    http, cli = await service.deliver(**LOOPBACK), await service.deliver(mode="cli")
    cancelled = await service.deliver(mode="cli")
    await service.client.post(f"/deliveries/{cancelled}/cancel")
    for query, expected in (
        ("", [cancelled, cli, http]),
        ("status=pending", [cli, http]),
        ("status=pending&status=cancelled", [cancelled, cli, http]),
        ("mode=cli", [cancelled, cli]),
        ("mode=cli&mode=http&mode=cli", [cancelled, cli, http]),
        ("mode=cli&status=cancelled", [cancelled]),
        ("mode=sdnext", []),
    ):
        items = (await service.client.get(f"/deliveries?{query}")).json()["items"]
        assert [item["id"] for item in items] == expected, query


async def test_cursors_lead_through_all_pages_while_deliveries_come(service: Service) -> None:
    ids = [await service.deliver(**LOOPBACK) for _ in range(4)]
    first = (await service.client.get("/deliveries?limit=2")).json()
    await service.deliver(**LOOPBACK)
    second = (await service.client.get("/deliveries", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == ids[::-1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=0", ["limit"]),
        ("limit=501", ["limit"]),
        ("limit=1&limit=2", ["limit"]),
        ("status=done", ["status[0]"]),
        ("mode=http&mode=ftp", ["mode[1]"]),
        ("cursor=", ["cursor"]),
        ("cursor=nonsense", ["cursor"]),
        ("cursor=AAAAAAAAAAAAAAAAAAAAAA", ["cursor"]),
        ("cursor=AZAAAAAAcACAAAAAAAAAAf", ["cursor"]),  # bits that no cursor has
        ("cursor=AZAAAAAAcACAAAAAAAAAAQ==", ["cursor"]),
        ("cursor=%C3%A9", ["cursor"]),
        ("limit=0&cursor=x&offset=1&status=x", ["cursor", "limit", "offset", "status[0]"]),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused(shell: httpx.AsyncClient, query: str, names: list[str]) -> None:
    assert sorted(wrong(await shell.get(f"/deliveries?{query}"))) == names


async def test_a_cancelled_delivery_is_never_tried(service: Service) -> None:
    delivery_id = await service.deliver(mode="cli")
    answer = await service.client.post(f"/deliveries/{delivery_id}/cancel")
    assert (answer.status_code, answer.json()["delivery"]["status"]) == (200, "cancelled")
    async with service.working():
        await service.end_of(await service.deliver(mode="cli"))
    shown = await service.delivery(delivery_id)
    assert shown == answer.json()["delivery"]
    assert (shown["attempts"], shown["next_attempt_at"]) == ([], None)
    assert shown["finished_at"] is not None


async def test_a_failed_delivery_is_tried_again_on_request(service: Service) -> None:
    delivery_id = await failed(service)
    answer = await service.client.post(f"/deliveries/{delivery_id}/retry")
    shown = answer.json()["delivery"]
    assert (answer.status_code, shown["status"], shown["error"], len(shown["attempts"])) == (200, "pending", None, 1)
    async with service.working():
        assert len((await service.end_of(delivery_id))["attempts"]) == 2


async def test_a_status_that_does_not_allow_it_is_a_conflict(service: Service) -> None:
    delivery_id = await service.deliver(mode="cli")
    retried = await service.client.post(f"/deliveries/{delivery_id}/retry")
    assert (retried.status_code, retried.json()["type"]) == (409, "/problems/transition-not-allowed")
    assert "pending" in retried.json()["detail"]
    await service.client.post(f"/deliveries/{delivery_id}/cancel")
    again = await service.client.post(f"/deliveries/{delivery_id}/cancel")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/transition-not-allowed")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/deliveries/{id}"),
        ("GET", "/deliveries/{id}/events"),
        ("POST", "/deliveries/{id}/cancel"),
        ("POST", "/deliveries/{id}/retry"),
    ],
)
async def test_an_id_that_nobody_has_is_not_found(service: Service, method: str, path: str) -> None:
    answer = await service.client.request(method, path.replace("{id}", NOBODY))
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/delivery-not-found")
    answer = await service.client.request(method, path.replace("{id}", "no-uuid"))
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
