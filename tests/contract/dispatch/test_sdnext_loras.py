from collections.abc import AsyncIterator

import pytest

from lora_manager.domain.delivery import DeliveredLora, DispatchFailed
from tests.contract.dispatch.sdnext_world import World, delivery_of, lora, world_of
from tests.standins.a1111 import Variant
from tests.standins.http_server import Drop

LORAS = "/sdapi/v1/loras"
REFRESH = "/sdapi/v1/refresh-loras"
TXT2IMG = "/sdapi/v1/txt2img"


@pytest.fixture(params=list(Variant))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(request.param) as world:
        world.runtime.on_disk = {"ink": "Ink wash", "fog": "fog", "a, b": "x"}
        world.runtime.listed = dict(world.runtime.on_disk)
        yield world


@pytest.mark.parametrize(
    "prompt", ["<lora:ink:1>", "<lora:Ink wash:0.5> cat", "<lora:ink:1><lora:fog:-1>", "<lora:a, b:1>"]
)
async def test_loras_that_were_used_give_no_warning(world: World, prompt: str) -> None:
    assert (await world.deliver(prompt))["warnings"] == []
    assert world.runtime.asked(REFRESH) == 0


async def test_a_prompt_without_loras_costs_no_look_at_the_list(world: World) -> None:
    await world.deliver("a cat, <hypernet:x:1>")

    assert world.runtime.asked(LORAS) == 0


async def test_a_lora_that_came_after_the_last_scan_is_found_by_another(world: World) -> None:
    world.runtime.listed = {}

    assert (await world.deliver("<lora:ink:1>"))["warnings"] == []
    assert world.runtime.asked(REFRESH) == 1
    assert world.runtime.asked(TXT2IMG) == 1


async def test_loras_the_server_does_not_have_fail_for_good_before_anything_is_made(world: World) -> None:
    error = await world.failure("<lora:ink:1> <lora:rain:1> <lora:Fog:1>")

    assert error.code == "lora_not_found"
    assert not error.retryable
    assert "'rain'" in error.message
    assert "it has 'fog'" in error.message
    assert "'ink'" not in error.message
    assert "copy the file" in error.message
    assert world.runtime.asked(REFRESH) == 1
    assert world.runtime.asked(TXT2IMG) == 0


async def test_the_file_to_copy_is_named_where_it_is_known(world: World) -> None:
    with pytest.raises(DispatchFailed, match=r"copy /loras/rain\.safetensors into"):
        await _deliver(world, "<lora:rain:1>", lora("rain"))


@pytest.mark.parametrize("reply", [(404, {}, b""), (500, {}, b""), Drop()])
async def test_a_scan_that_fails_leaves_the_verdict_to_the_list(
    world: World, reply: tuple[int, dict[str, str], bytes] | Exception
) -> None:
    world.runtime.replies[REFRESH] = reply

    assert (await world.failure("<lora:rain:1>")).code == "lora_not_found"


@pytest.mark.parametrize("prompt", ["<lora:rain:0>", "<lora:/huggingface.co/org/repo/file:1>"])
async def test_what_is_skipped_or_downloaded_need_not_be_there(world: World, prompt: str) -> None:
    await world.deliver(prompt)

    assert world.runtime.asked(TXT2IMG) == 1


async def test_a_lora_of_a_sub_folder_may_be_named_by_its_path(world: World) -> None:
    world.runtime.replies[LORAS] = (200, {}, rb'[{"name": "mist", "path": "C:\\loras\\weather\\mist.safetensors"}]')
    world.runtime.on_disk["weather/mist"] = "mist"

    assert (await world.deliver("<lora:weather/mist:1>"))["warnings"] == []


@pytest.mark.parametrize(
    "reply", [(404, {}, b""), (401, {}, b""), (500, {}, b""), (200, {}, b"{"), (200, {}, b'{"a": 1}'), Drop()]
)
async def test_a_list_that_cannot_be_had_is_only_a_warning(
    world: World, reply: tuple[int, dict[str, str], bytes] | Exception
) -> None:
    world.runtime.replies[LORAS] = reply

    assert _codes(await world.deliver("<lora:ink:1>")) == ["lora_list_unavailable"]


async def test_a_list_beyond_the_limit_is_only_a_warning(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.adapters.dispatch.sdnext_runtime._MAX_LORAS", 10)

    assert _codes(await world.deliver("<lora:ink:1>")) == ["lora_list_unavailable"]


async def test_a_lora_that_some_images_were_made_without_is_named() -> None:
    async with world_of(Variant.A1111) as world:
        world.runtime.listed = {"ink": "ink", "fog": "fog"}
        world.runtime.on_disk = {"fog": "fog"}  # deleted since the server last looked

        (warning,) = _warnings(await world.deliver("<lora:ink:1> <lora:fog:1>"))

    assert (warning["code"], warning["lora"]) == ("lora_not_applied", "ink")


async def test_sd_next_that_used_no_lora_has_said_so() -> None:
    async with world_of(Variant.SDNEXT) as world:
        world.runtime.listed = world.runtime.on_disk = {"ink": "ink"}
        world.runtime.uses_loras = False

        (warning,) = _warnings(await world.deliver("<lora:ink:1>"))

    assert (warning["code"], warning["lora"]) == ("lora_not_applied", "ink")


@pytest.mark.parametrize("variant", [Variant.A1111, Variant.FORGE])
@pytest.mark.parametrize("option", ["uses_loras", "notes_loras"])
async def test_where_nothing_tells_of_loras_their_use_is_unknown(variant: Variant, option: str) -> None:
    async with world_of(variant) as world:
        world.runtime.listed = world.runtime.on_disk = {"ink": "ink"}
        setattr(world.runtime, option, False)

        (warning,) = _warnings(await world.deliver("<lora:ink:1>"))

    assert warning["code"] == "lora_use_unknown"
    assert "'ink'" in str(warning["message"])


async def test_without_info_the_infotext_of_the_image_tells_of_loras(world: World) -> None:
    world.runtime.info = None

    assert (await world.deliver("<lora:ink:1>"))["warnings"] == []


@pytest.mark.parametrize("hashes", [r'"ink: 1a, odd: \q"', '"ink: 1a', "ink: 1a"])
async def test_hashes_that_are_oddly_quoted_are_read_all_the_same(world: World, hashes: str) -> None:
    world.runtime.info = {"infotexts": [f"a cat\nSteps: 20, Lora hashes: {hashes}"]}

    assert (await world.deliver("<lora:ink:1>"))["warnings"] == []


async def test_a_lora_of_the_composition_that_the_prompt_does_not_mention_is_named(world: World) -> None:
    result = await _deliver(world, "<lora:ink:1> cat", lora("ink"), lora("fog"), lora("unused", weight=0))

    (warning,) = _warnings(result)
    assert (warning["code"], warning["lora"]) == ("lora_not_applied", "fog")
    assert "does not mention" in str(warning["message"])


async def _deliver(world: World, prompt: str, *loras: DeliveredLora) -> dict[str, object]:
    delivery = delivery_of(world.runtime.url, prompt, *loras)
    return dict(await world.dispatcher.dispatch(delivery, world.reports.append))


def _warnings(result: dict[str, object]) -> list[dict[str, object]]:
    warnings = result["warnings"]
    assert isinstance(warnings, list)
    return warnings


def _codes(result: dict[str, object]) -> list[object]:
    return [warning["code"] for warning in _warnings(result)]
