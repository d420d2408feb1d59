from collections.abc import AsyncIterator

import pytest

from lora_manager.domain.delivery import DispatchFailed
from tests.contract.dispatch.sdnext_world import World, delivery_of, world_of
from tests.standins.a1111 import Variant
from tests.standins.http_server import Drop

TXT2IMG = "/sdapi/v1/txt2img"
LONG = "x" * 1_000


@pytest.fixture(params=list(Variant))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(request.param) as world:
        yield world


@pytest.fixture
async def a1111() -> AsyncIterator[World]:
    async with world_of(Variant.A1111) as world:
        yield world


async def test_a_refused_field_is_named_without_its_value(world: World) -> None:
    error = await world.failure(steps="secret")

    assert (error.code, error.retryable) == ("refused", False)
    assert "payload.steps value is not a valid integer" in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize(
    ("payload", "words"),
    [({"sampler_name": "DPM"}, "Sampler not found"), ({"script_name": "xyz"}, "Script 'xyz' not found")],
)
async def test_a_payload_the_server_refuses_is_not_tried_again(
    world: World, payload: dict[str, object], words: str
) -> None:
    error = await world.failure("a cat", **payload)

    assert (error.code, error.retryable) == ("refused", False)
    assert words in error.message
    assert "correct the payload" in error.message
    assert "HTTPException" not in error.message


@pytest.mark.parametrize("given", ["", "me:wrong@"])
async def test_wrong_credentials_are_not_tried_again_nor_shown(world: World, given: str) -> None:
    world.runtime.credentials = "me:secret"
    world.runtime.url = world.runtime.url.replace("//", f"//{given}")

    error = await world.failure()

    assert (error.code, error.retryable) == ("unauthorized", False)
    assert "base_url" in error.message
    assert "wrong" not in error.message


@pytest.mark.parametrize("body", [b'{"detail": "Not Found"}', b"", b"<html>no such page</html>"])
async def test_a_server_without_the_api_is_told_from_a_missing_sampler(a1111: World, body: bytes) -> None:
    a1111.runtime.replies[TXT2IMG] = (404, {}, body)

    error = await a1111.failure()

    assert (error.code, error.retryable) == ("no_api", False)
    assert "--api" in error.message


@pytest.mark.parametrize("variant", [Variant.A1111, Variant.SDNEXT])
async def test_running_out_of_memory_may_pass(variant: Variant) -> None:
    async with world_of(variant) as world:
        world.runtime.crash = ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB")

        error = await world.failure()

    assert (error.code, error.retryable) == ("out_of_memory", True)
    assert "Tried to allocate 2.00 GiB" in error.message


async def test_a_crash_may_pass(world: World) -> None:
    world.runtime.crash = ("NansException", "A tensor with all NaNs was produced in Unet.")

    error = await world.failure()

    assert (error.code, error.retryable) == ("server_error", True)
    assert ("NansException" in error.message) == (world.runtime.variant is not Variant.FORGE)


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (302, "redirected", False),
        (308, "redirected", False),
        (403, "unauthorized", False),
        (408, "server_busy", True),
        (413, "refused", False),
        (418, "refused", False),
        (429, "server_busy", True),
        (500, "server_error", True),
        (502, "server_error", True),
        (503, "server_error", True),
    ],
)
async def test_every_status_has_its_meaning(a1111: World, status: int, code: str, retryable: bool) -> None:
    a1111.runtime.replies[TXT2IMG] = (status, {}, b"")

    error = await a1111.failure()

    assert (error.code, error.retryable) == (code, retryable)
    assert f"answers {status}" in error.message


@pytest.mark.parametrize(
    "body", [b"[[[", b'"a text"', b'{"detail": [1, {"loc": 1}, {}]}', b'{"error": {"a": 1}}', b"[" * 100_000]
)
async def test_a_refusal_is_one_whatever_its_body(a1111: World, body: bytes) -> None:
    a1111.runtime.replies[TXT2IMG] = (422, {}, body)

    assert (await a1111.failure()).code == "refused"


async def test_what_the_server_says_is_cut_to_one_short_line(a1111: World) -> None:
    a1111.runtime.replies[TXT2IMG] = (400, {}, b'{"error": "a\\u001b[31m\\nb", "message": "%s"}' % LONG.encode())

    error = await a1111.failure()

    assert "a [31m b: xxx" in error.message
    assert len(error.message) < 500


@pytest.mark.parametrize("body", [b"", b'{"images": ["', b"[]", b'{"images": [1]}', b"\xff", b"[" * 100_000])
async def test_an_answer_that_cannot_be_read_may_pass(a1111: World, body: bytes) -> None:
    a1111.runtime.replies[TXT2IMG] = (200, {}, body)

    error = await a1111.failure()

    assert (error.code, error.retryable) == ("bad_answer", True)


async def test_a_web_page_instead_of_an_answer_is_not_tried_again(a1111: World) -> None:
    a1111.runtime.replies[TXT2IMG] = (200, {}, b"\n<!doctype html><title>Sign in</title>")

    error = await a1111.failure()

    assert (error.code, error.retryable) == ("bad_answer", False)
    assert "base_url" in error.message


@pytest.mark.parametrize("images", [[], None])
async def test_no_images_without_a_reason_may_pass(world: World, images: object) -> None:
    world.runtime.images = images

    error = await world.failure()

    assert (error.code, error.retryable) == ("no_images", True)


@pytest.mark.parametrize("image", ["", "!!", "bm8gaW1hZ2U=", "R0lGODlhAQABAAAAACw=", "é", "data:image/png"])
async def test_of_images_one_of_which_is_none_nothing_is_kept(world: World, image: str) -> None:
    world.runtime.images = ["iVBORw0KGgo=", image]

    error = await world.failure()

    assert (error.code, error.retryable) == ("bad_image", False)


async def test_a_connection_that_is_dropped_may_pass(world: World) -> None:
    world.runtime.replies[TXT2IMG] = Drop()

    error = await world.failure()

    assert (error.code, error.retryable) == ("unreachable", True)


async def test_an_answer_beyond_the_limit_is_refused(a1111: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.adapters.dispatch.sdnext_runtime._MAX_IMAGES", 100)

    assert (await a1111.failure()).code == "too_large"


async def test_a_forbidden_server_is_never_contacted(a1111: World) -> None:
    with pytest.raises(DispatchFailed) as caught:
        await a1111.dispatcher.dispatch(delivery_of("http://192.0.2.1:7860", "a cat"), a1111.reports.append)

    assert (caught.value.error.code, caught.value.error.retryable) == ("target_forbidden", False)
