import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.artefacts import BlobArtefactStore
from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.dispatch.sdnext import SdnextDispatcher
from lora_manager.domain.delivery import Progress
from tests.contract.dispatch.sdnext_world import DELIVERY_ID, World, delivery_of, world_of
from tests.standins.a1111 import Variant
from tests.standins.http_server import Drop
from tests.standins.pictures import JPEG, WEBP, png


@pytest.fixture(params=list(Variant))
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with world_of(request.param) as world:
        yield world


@pytest.fixture
async def a1111() -> AsyncIterator[World]:
    async with world_of(Variant.A1111) as world:
        yield world


async def test_images_are_kept_and_referred_to_with_seed_and_infotext(world: World) -> None:
    result = await world.deliver("a cat", batch_size=2)

    images = result["images"]
    assert isinstance(images, list)
    assert [image["name"] for image in images] == ["image-1.png", "image-2.png"]
    assert [image["seed"] for image in images] == [1000, 1001]
    for image in images:
        content = world.artefacts.contents[image["uri"]]
        assert content.startswith(b"\x89PNG")
        assert image["size_bytes"] == len(content)
        assert image["sha256"] == hashlib.sha256(content).hexdigest()
        assert image["infotext"].startswith("a cat\nNegative prompt: blurry\nSteps: 20")
        assert f"Seed: {image['seed']}" in image["infotext"]
    assert result["seed"] == 1000
    assert result["infotext"] == images[0]["infotext"]
    assert result["warnings"] == []
    assert json.loads(json.dumps(result)) == result


async def test_the_server_gets_the_payload_the_prompt_and_what_tells_a_repetition(world: World) -> None:
    await world.deliver("a cat", steps=7, override_settings={"sd_vae": "None"})

    assert world.runtime.payloads == [
        {
            "prompt": "a cat",
            "steps": 7,
            "override_settings": {"sd_vae": "None"},
            "send_images": True,
            "force_task_id": str(DELIVERY_ID),
        }
    ]
    headers = world.runtime.headers_of("/sdapi/v1/txt2img")
    assert headers["idempotency-key"] == str(DELIVERY_ID)
    assert headers["x-delivery-attempt"] == "1"


async def test_what_the_payload_says_goes_before_our_defaults(a1111: World) -> None:
    result = await a1111.deliver(send_images=False, force_task_id="task(mine)")

    assert a1111.runtime.payloads[0]["send_images"] is False
    assert a1111.runtime.payloads[0]["force_task_id"] == "task(mine)"
    assert result["images"] == []
    assert result["seed"] == 1000


async def test_credentials_in_the_url_let_us_in(world: World) -> None:
    world.runtime.credentials = "me:secret"
    world.runtime.url = world.runtime.url.replace("//", "//me:secret@")

    assert (await world.deliver())["seed"] == 1000


async def test_a_grid_has_no_place_among_the_seeds(a1111: World) -> None:
    a1111.runtime.has_grid = True

    result = await a1111.deliver(batch_size=2)

    assert [image["seed"] for image in _images(result)] == [1000, 1000, 1001]  # of the grid: what its infotext says


@pytest.mark.parametrize(("content", "name"), [(png(), "image-1.png"), (JPEG, "image-1.jpg"), (WEBP, "image-1.webp")])
async def test_every_kind_of_image_keeps_its_kind(a1111: World, content: bytes, name: str) -> None:
    a1111.runtime.samples = [content]

    (image,) = _images(await a1111.deliver())

    assert image["name"] == name
    assert a1111.artefacts.contents[str(image["uri"])] == content


async def test_a_data_url_is_read_like_bare_base64(a1111: World) -> None:
    a1111.runtime.images = ["data:image/png;base64,iVBORw0KGgo="]

    (image,) = _images(await a1111.deliver())

    assert image["size_bytes"] == 8


@pytest.mark.parametrize("info", [None, "", "{", "[]", "null", 7, {"seed": "x", "infotexts": 3}, "[" * 100_000])
async def test_without_sound_info_the_images_tell_seed_and_infotext(a1111: World, info: object) -> None:
    a1111.runtime.info = info

    result = await a1111.deliver("a cat")

    assert result["seed"] == 1000
    assert str(result["infotext"]).startswith("a cat\n")
    assert _images(result)[0]["infotext"] == result["infotext"]


async def test_an_image_tells_its_infotext_beyond_latin_1(a1111: World) -> None:
    a1111.runtime.info = None

    assert str((await a1111.deliver("a 猫"))["infotext"]).startswith("a 猫\n")


async def test_info_may_be_an_object_instead_of_a_text(a1111: World) -> None:
    a1111.runtime.info = {"seed": 5, "all_seeds": [5], "infotexts": ["told by info"]}

    result = await a1111.deliver()

    assert (result["seed"], result["infotext"]) == (5, "told by info")


@pytest.mark.parametrize("content", [JPEG, png(), png()[:8], png()[:40]])
async def test_where_nothing_tells_seed_and_infotext_they_are_unknown(a1111: World, content: bytes) -> None:
    a1111.runtime.info = None
    a1111.runtime.samples = [content]

    result = await a1111.deliver()

    assert (result["seed"], result["infotext"]) == (None, None)


async def test_progress_is_reported_when_it_changes(world: World) -> None:
    world.runtime.holds = True
    reported = asyncio.Queue[Progress]()

    delivery = delivery_of(world.runtime.url, "a cat")
    attempt = asyncio.create_task(world.dispatcher.dispatch(delivery, reported.put_nowait))
    await world.runtime.started.wait()
    assert await reported.get() == Progress(0.01, "step 0 of 20")
    for _ in range(2):
        world.runtime.looked_at.clear()
        await world.runtime.looked_at.wait()
    assert reported.empty()
    job = world.runtime.jobs[0]
    job.step = 7
    assert await reported.get() == Progress(0.36, "step 7 of 20")
    job.step = 20
    assert await reported.get() == Progress(1.0, "step 20 of 20")
    job.ended.set()

    await attempt
    assert reported.empty()


async def test_the_progress_of_somebody_elses_job_is_not_told_as_ours(world: World) -> None:
    world.runtime.holds = True
    reported = asyncio.Queue[Progress]()
    async with asyncio.TaskGroup() as group:
        group.create_task(world.deliver("of somebody else", force_task_id="task(other)"))
        await world.runtime.started.wait()
        delivery = delivery_of(world.runtime.url, "a cat")
        group.create_task(world.dispatcher.dispatch(delivery, reported.put_nowait))

        assert await reported.get() == Progress(None, "waiting for another job to end")
        world.runtime.jobs[0].ended.set()
        assert await reported.get() == Progress(0.01, "step 0 of 20")
        world.runtime.jobs[1].ended.set()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"progress": -0.5, "state": {"job": "txt2img", "job_count": -1}}, Progress(0.0, "running")),
        ({"progress": 1.5, "state": {"job": "txt2img", "sampling_steps": None}}, Progress(1.0, "running")),
        (
            {"progress": 0.29, "state": {"job_count": 4, "job_no": 1, "sampling_step": 3, "sampling_steps": 20}},
            Progress(0.29, "batch 2 of 4, step 3 of 20"),
        ),
    ],
)
async def test_progress_is_told_in_words_and_from_0_to_1(a1111: World, said: dict[str, object], told: Progress) -> None:
    a1111.runtime.holds = True
    reported = asyncio.Queue[Progress]()
    delivery = delivery_of(a1111.runtime.url, "a cat")
    attempt = asyncio.create_task(a1111.dispatcher.dispatch(delivery, reported.put_nowait))
    await a1111.runtime.started.wait()

    a1111.runtime.replies["/sdapi/v1/progress"] = (200, {}, json.dumps(said).encode())

    while await reported.get() != told:
        pass
    a1111.runtime.jobs[0].ended.set()
    await attempt


async def test_a_report_that_fails_is_not_hidden(a1111: World) -> None:
    a1111.runtime.holds = True

    def report(_: Progress) -> None:
        a1111.runtime.jobs[0].ended.set()
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        await a1111.dispatcher.dispatch(delivery_of(a1111.runtime.url, "a cat"), report)


@pytest.mark.parametrize("reply", [(500, {}, b""), (200, {}, b"{"), (200, {}, b"[]"), (404, {}, b""), Drop()])
async def test_progress_that_fails_does_not_fail_the_delivery(
    a1111: World, reply: tuple[int, dict[str, str], bytes] | Exception
) -> None:
    a1111.runtime.replies["/sdapi/v1/progress"] = reply

    assert (await a1111.deliver())["seed"] == 1000
    assert a1111.reports == []


async def test_images_that_cannot_be_kept_are_a_failure_to_try_again_after(a1111: World, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    a1111.dispatcher = SdnextDispatcher(a1111.client, BlobArtefactStore(LocalBlobStore(str(tmp_path / "a file"))))

    error = await a1111.failure()

    assert (error.code, error.retryable) == ("storage_unavailable", True)
    assert "a file" in error.message


def _images(result: dict[str, object]) -> list[dict[str, object]]:
    images = result["images"]
    assert isinstance(images, list)
    return images
