"""Asking a service of the operator's own, which may answer much or little."""

import json
from collections.abc import AsyncIterator

import pytest

from lora_manager.adapters.civitai.posting import PostingValidator
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.validator import Verdict
from tests.contract.civitai_world import World, a_file, ask, ask_one, open_world, states
from tests.standins.civitai import page, reply
from tests.standins.http_server import Reply


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
def service(world: World) -> PostingValidator:
    return world.posting("right")


async def judged(world: World, service: PostingValidator, answer: Reply) -> Verdict:
    world.site.every_reply = answer
    return await ask_one(service, a_file("a"))


async def test_the_metadata_document_is_posted_as_json(world: World, service: PostingValidator) -> None:
    lora = a_file("a")

    await ask(service, lora)

    [request] = world.site.requests
    assert (request.method, request.path) == ("POST", "/validate")
    assert request.body == metadata_document(lora)
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer right"


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((204, {}, b""), "valid"),
        ((200, {}, b"fine"), "valid"),
        (reply(201, [False]), "valid"),
        (reply(200, {}), "valid"),
        (reply(200, {"valid": True}), "valid"),
        (reply(200, {"valid": False}), "mismatch"),
        (reply(200, {"state": "unknown", "valid": True}), "unknown"),
        (reply(200, {"state": "failed"}), "failed"),
        (reply(200, {"state": "pending"}), "failed"),
        (reply(200, {"state": ["valid"]}), "failed"),
        (reply(404, {}), "unknown"),
        (page(404), "unknown"),
        (reply(409, {}), "mismatch"),
        (reply(422, {"state": "valid"}), "mismatch"),
        (reply(401, {}), "failed"),
        (reply(403, {}), "failed"),
        (page(400), "failed"),
        (reply(413, {}), "failed"),
    ],
)
async def test_status_and_body_say_how_the_file_stands(
    world: World, service: PostingValidator, answer: Reply, state: str
) -> None:
    verdict = await judged(world, service, answer)

    assert states([verdict]) == [state]
    assert (verdict.validation.detail is None) == (state == "valid")


@pytest.mark.parametrize("status", [200, 404, 409, 422, 400])
async def test_the_detail_is_told_on_one_line(world: World, service: PostingValidator, status: int) -> None:
    verdict = await judged(world, service, reply(status, {"state": "mismatch", "detail": "not\nours" + "!" * 400}))

    assert verdict.validation.detail == ("not ours" + "!" * 400)[:300]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_is_named_by_its_setting(
    world: World, service: PostingValidator, status: int
) -> None:
    verdict = await judged(world, service, reply(status, {"detail": "right is wrong"}))

    assert "check CIVITAI_API_KEY" in (verdict.validation.detail or "")
    assert "right" not in (verdict.validation.detail or "")


async def test_a_key_in_the_answer_is_not_repeated(world: World, service: PostingValidator) -> None:
    verdict = await judged(world, service, reply(409, {"detail": "Bearer right knows better"}))

    assert verdict.validation.detail == "Bearer *** knows better"


async def test_all_that_it_tells_is_taken_over(world: World, service: PostingValidator) -> None:
    told = {
        "state": "valid",
        "detail": "checked by hand",
        "model_id": 5,
        "version_id": 6,
        "page_url": "https://models.example/5",
        "title": "Ink Wash",
        "triggers": ["ink, wash"],
        "base_model": "our own",
        "preview_url": "https://models.example/5.png",
    }

    verdict = await judged(world, service, reply(200, told))

    assert verdict.validation == Validation(
        state=ValidationState.VALID,
        detail="checked by hand",
        model_id=5,
        version_id=6,
        page_url="https://models.example/5",
    )
    assert verdict.facts == {
        "title": "Ink Wash",
        "triggers": (Trigger("ink"), Trigger("wash")),
        "base_model": "our own",
        "preview_url": "https://models.example/5.png",
    }


async def test_what_it_tells_in_other_shapes_is_left_out(world: World, service: PostingValidator) -> None:
    told = {
        "detail": 5,
        "model_id": "5",
        "version_id": 2**40,
        "page_url": "javascript:alert(1)",
        "title": ["Ink"],
        "triggers": {"text": "ink"},
        "base_model": "b" * 101,
        "preview_url": 7,
    }

    verdict = await judged(world, service, reply(200, told))

    assert verdict.validation == Validation(state=ValidationState.VALID)
    assert verdict.facts == {}


async def test_facts_count_only_where_the_file_is_known(world: World, service: PostingValidator) -> None:
    verdict = await judged(world, service, reply(404, {"title": "Not found", "page_url": "https://models.example"}))

    assert verdict.facts == {}
    assert verdict.validation.page_url is None


async def test_an_answer_that_is_too_large_fails_the_one_file(world: World, service: PostingValidator) -> None:
    world.site.next_replies.append((200, {"Content-Length": str(2**30)}, b"x" * (20 * 2**20 + 1)))

    large, rest = await ask(service, a_file("a"), a_file("b"))

    assert "larger than" in (large.validation.detail or "")
    assert states([rest]) == ["unknown"]
    assert json.loads(world.site.requests[1].body)["sha256"] == "b" * 64
