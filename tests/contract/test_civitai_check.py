"""What is found out about CivitAI, or the service in its place, without telling either of any file."""

import socket

import pytest

from lora_manager.adapters.checks.civitai import CivitaiCheck, ValidationServiceCheck
from lora_manager.ports.diagnosis import Check, Diagnosis, Health
from tests.standins import civitai
from tests.standins.http_server import Reply, serving


async def only(check: Check) -> Diagnosis:
    [found] = await check.look()
    return found


async def test_without_a_key_it_is_asked_for_a_file_that_nobody_has() -> None:
    async with civitai.running() as site:
        found = await only(CivitaiCheck(site.url, None))
        [request] = site.requests
    assert found.health is Health.GOOD
    assert found.finding.endswith("answers; no key is set, and none is needed")
    assert request.path == f"/api/v1/model-versions/by-hash/{'0' * 64}"
    assert "authorization" not in request.headers


async def test_a_key_that_is_taken_is_told_without_showing_it() -> None:
    async with civitai.running() as site:
        site.api_key = "a-secret-key"
        site.next_replies.append(civitai.reply(200, {"id": 1, "username": "ann"}))
        found = await only(CivitaiCheck(site.url, "a-secret-key"))
        [request] = site.requests
    assert found.health is Health.GOOD
    assert found.finding.endswith("answers, and takes the key")
    assert "a-secret-key" not in str(found)
    assert (request.path, request.headers["authorization"]) == ("/api/v1/me", "Bearer a-secret-key")


async def test_a_key_that_is_refused_is_bad() -> None:
    async with civitai.running() as site:
        found = await only(CivitaiCheck(site.url, "a-wrong-key"))
    assert found.health is Health.BAD
    assert "CIVITAI_API_KEY" in str(found.advice)
    assert "a-wrong-key" not in str(found)


@pytest.mark.parametrize(
    ("reply", "key", "health", "finding"),
    [
        (civitai.reply(404, {"error": "no such page"}), "key", Health.GOOD, "it does not tell"),
        (civitai.reply(429, {"error": "slower"}), None, Health.DOUBTFUL, "answers with 429"),
        (civitai.reply(503, {"error": "down"}), "key", Health.DOUBTFUL, "answers with 503"),
        (civitai.page(403), None, Health.DOUBTFUL, "protection against robots"),
        (civitai.page(520), None, Health.DOUBTFUL, "520 and something that is not CivitAI's"),
        (civitai.page(200), None, Health.DOUBTFUL, "200 and something that is not CivitAI's"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), None, Health.DOUBTFUL, "302 and something"),
    ],
)
async def test_what_else_it_may_answer(reply: Reply, key: str | None, health: Health, finding: str) -> None:
    async with civitai.running() as site:
        site.every_reply = reply
        found = await only(CivitaiCheck(site.url, key))
        assert len(site.requests) == 1
    assert found.health is health
    assert finding in found.finding


async def test_no_network_is_doubtful_since_all_else_works() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    site, service = await only(CivitaiCheck(url, "key")), await only(ValidationServiceCheck(url))
    assert {site.health, service.health} == {Health.DOUBTFUL}
    assert site.finding.endswith("cannot be reached (Connection refused)")
    assert str(site.advice).endswith("check the network, or CIVITAI_BASE_URL")
    assert str(service.advice).endswith("check the network, or CIVITAI_VALIDATE_URL")


@pytest.mark.parametrize(("status", "health"), [(200, Health.GOOD), (405, Health.GOOD), (502, Health.DOUBTFUL)])
async def test_a_service_in_its_place_is_asked_whether_it_answers_and_sent_nothing(status: int, health: Health) -> None:
    async def answer(*_: object) -> Reply:
        return status, {}, b"x" * 1_000_000

    async with serving(answer) as service:
        found = await only(ValidationServiceCheck(f"{service.url}/validate"))
        [request] = service.requests
    assert (found.subject, found.health) == ("validation service", health)
    assert (request.method, request.path, request.body) == ("GET", "/validate", b"")
    assert "authorization" not in request.headers
