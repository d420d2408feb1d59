"""Who gets in."""

import asyncio
from contextlib import nullcontext
from pathlib import Path

import pytest

from lora_manager.domain.access import Scope
from lora_manager.http.exposure import Exposure
from tests.http.keys import key_with
from tests.http.service import Service, client_of, running

GOOD = key_with(Scope.READ)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": GOOD},
        {"authorization": f"Bearer {GOOD}"},
        {"authorization": f"bearer   {GOOD} "},
        {"x-api-key": GOOD, "authorization": "Basic dXNlcjpwYXNz"},
    ],
)
async def test_a_key_is_taken_from_either_header(headers: dict[str, str], guarded: Service) -> None:
    assert (await guarded.client.get("/adapters", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": ""},
        {"x-api-key": GOOD[:-1]},
        {"x-api-key": GOOD + "0"},
        {"x-api-key": GOOD.upper()},
        {"x-api-key": "ÿ".encode("latin-1").decode("latin-1")},
        {"x-api-key": "x" * 10_000},
        {"authorization": GOOD},
        {"authorization": f"Basic {GOOD}"},
        {"authorization": "Bearer"},
        {"cookie": f"api_key={GOOD}"},
    ],
)
async def test_what_is_no_key_is_refused_and_never_repeated(headers: dict[str, str], guarded: Service) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await guarded.client.get("/adapters", headers=raw)
    assert answer.status_code == 401
    assert GOOD[20:] not in answer.text


async def test_a_key_in_the_query_is_no_key(guarded: Service) -> None:
    assert (await guarded.client.get("/adapters", params={"api_key": GOOD})).status_code == 401


async def test_the_single_key_of_the_settings_may_do_everything(sqlite_url: str, library: Path) -> None:
    async with running(sqlite_url, library, API_KEY="correct-horse-battery") as service:
        assert (await service.client.get("/adapters")).status_code == 401
        service.client.headers["x-api-key"] = "correct-horse-battery"
        adapter = await service.register("ink")
        await service.deliver(mode="cli")
        assert (await service.client.delete(f"/adapters/{adapter['id']}")).status_code == 204
        service.client.headers["x-api-key"] = "correct-horse-batterz"
        assert (await service.client.get("/adapters")).status_code == 401


async def test_without_keys_only_this_machine_is_served(service: Service) -> None:
    for peer, status in [("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.0.2.7", 401)]:
        exposure = Exposure(allowed_hosts=frozenset({"service"}))
        async with client_of(nullcontext(service.application), exposure, peer) as client:
            answer = await client.get("/adapters")
        assert answer.status_code == status, peer
        if status == 401:
            assert "lora-manager keys create" in answer.json()["detail"]


async def test_who_says_insecure_serves_other_machines_without_keys(service: Service) -> None:
    exposure = Exposure(without_key=True, allowed_hosts=frozenset({"service"}))
    async with client_of(nullcontext(service.application), exposure, "192.0.2.7") as client:
        assert (await client.get("/adapters")).status_code == 200


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("localhost", True),
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("app.localhost", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.0.2.7", True),
        ("service", True),
        ("service.", True),
        ("attacker.example", False),
        ("attacker.example:8000", False),
        ("127.0.0.1.attacker.example", False),
        ("localhost.attacker.example", False),
        ("service.attacker.example", False),
        ("[attacker.example]", False),
    ],
)
async def test_a_name_that_somebody_may_have_had_point_here_is_refused(
    host: str, *, is_ours: bool, service: Service
) -> None:
    for _ in range(2):  # the second time it may be remembered
        answer = await service.client.get("/adapters", headers={"host": host})
        assert answer.status_code == (200 if is_ours else 421)
        assert is_ours or answer.json()["type"] == "/problems/host-not-allowed"


async def test_with_a_key_the_name_does_not_matter(guarded: Service) -> None:
    headers = {"host": "studio.example", "x-api-key": GOOD}
    assert (await guarded.client.get("/adapters", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"origin": "http://service", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://attacker.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://attacker.example"}, False),
        ({"origin": "http://service:9000", "sec-fetch-site": "same-site"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
async def test_a_page_of_another_site_changes_nothing(
    headers: dict[str, str], *, is_ours: bool, service: Service
) -> None:
    body = await asyncio.to_thread(Path(service.file("ink")).read_bytes)
    answer = await service.client.post("/uploads?filename=ink.safetensors", content=body, headers=headers)
    assert answer.status_code == (201 if is_ours else 403), answer.text
    if not is_ours:
        assert answer.json()["type"] == "/problems/cross-site"
        assert (await service.client.get("/adapters", headers=headers)).status_code == 200


async def test_no_page_of_another_site_may_read_unless_its_origin_is_named(service: Service) -> None:
    origin = {"origin": "https://studio.example"}
    assert "access-control-allow-origin" not in (await service.client.get("/adapters", headers=origin)).headers

    exposure = Exposure(allowed_hosts=frozenset({"service"}), cors_origins=("https://studio.example",))
    async with client_of(nullcontext(service.application), exposure) as client:
        answer = await client.get("/adapters", headers=origin)
        assert answer.headers["access-control-allow-origin"] == "https://studio.example"
        assert "ETag" in answer.headers["access-control-expose-headers"]
        asked = {**origin, "access-control-request-method": "PATCH", "access-control-request-headers": "x-api-key"}
        preflight = await client.options("/adapters", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == "https://studio.example"
        assert "x-api-key" in preflight.headers["access-control-allow-headers"].lower()
        assert (await client.post("/adapters/reorder", json={"ids": []}, headers=origin)).status_code == 200
        other = await client.get("/adapters", headers={"origin": "https://attacker.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_too_many_requests_are_told_when_to_come_back(sqlite_url: str, library: Path) -> None:
    async with running(sqlite_url, library, RATE_LIMIT="3/hour", API_KEY="correct-horse-battery") as service:
        good = {"x-api-key": "correct-horse-battery"}
        answers = [await service.client.get("/adapters", headers=good) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["type"] == "/problems/too-many-requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 3_600
        assert (await service.client.get("/health")).status_code == 200


async def test_guessing_keys_is_limited_and_keeps_nobody_else_out(sqlite_url: str, library: Path) -> None:
    async with running(sqlite_url, library, RATE_LIMIT="3/hour", API_KEY="correct-horse-battery") as service:
        guesses = [await service.client.get("/adapters", headers={"x-api-key": f"guess {n}"}) for n in range(4)]
        assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
        good = {"x-api-key": "correct-horse-battery"}
        assert (await service.client.get("/adapters", headers=good)).status_code == 200


async def test_keys_that_cannot_be_read_let_nobody_in(sqlite_url: str, library: Path, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    async with running(sqlite_url, library, API_KEYS_FILE=str(tmp_path / "keys.json")) as service:
        answer = await service.client.get("/adapters", headers={"x-api-key": GOOD})
        assert answer.status_code == 503
        assert str(tmp_path) not in answer.text
        assert (await service.client.get("/health")).status_code == 200
