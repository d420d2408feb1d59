"""What is sent to S3 in parts leaves none of them behind when its process dies, and goes on where it stopped."""

import asyncio
from http import HTTPStatus

import httpx

from tests.contract.s3_faults import Request
from tests.crash.remote import FOREVER, Remote, remote
from tests.crash.service import until
from tests.library import write_lora
from tests.unit.domain.file.building import build, lora

__all__ = ["remote"]

LARGE = build(lora({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": (1 << 20, 1 << 20)}, rank=8))


async def test_an_upload_that_dies_with_the_service_leaves_no_parts(remote: Remote) -> None:
    service = remote.service
    service.environment = {**service.environment, "STORAGE_TYPE": "s3"}
    parts = remote.way.hold(chooses=later_parts, times=FOREVER)
    async with service.running(), service.client() as client:
        upload = asyncio.create_task(client.post("/uploads?filename=large.safetensors", content=LARGE))
        await parts.reached.wait()
        await service.kill()
        [failure] = await asyncio.gather(upload, return_exceptions=True)
    assert isinstance(failure, httpx.TransportError)
    assert remote.server.open_uploads(remote.bucket) == ["large.safetensors"]

    parts.times = 0
    async with service.running():
        await remote.no_parts_are_left()
        assert remote.content == {}
        answer = await service.ask("POST", "/uploads?filename=large.safetensors", HTTPStatus.CREATED, content=LARGE)
    assert answer.json()["file_path"] == f"s3://{remote.bucket}/large.safetensors"
    assert remote.content == {"large.safetensors": LARGE}
    assert remote.server.open_uploads(remote.bucket) == []


async def test_a_push_that_dies_leaves_no_parts_and_goes_on_where_it_stopped(remote: Remote) -> None:
    service, library = remote.service, remote.service.folder / "loras"
    write_lora(library / "small.safetensors", "1")
    for name in ("one", "two"):
        (library / f"{name}.safetensors").write_bytes(LARGE)
    parts = remote.way.hold(chooses=later_parts, times=FOREVER)
    async with service.doing("push"):  # whose process is killed when the block ends
        await parts.reached.wait()
        await until(lambda: is_in_bucket(remote, "small.safetensors"))
    assert remote.server.open_uploads(remote.bucket) != []

    parts.times = 0
    async with service.running():
        await remote.no_parts_are_left()
    assert await service.run("push", "--json") == 0
    assert remote.content == {path.name: path.read_bytes() for path in library.iterdir()}
    assert b'"present":["' in service.said.replace(b" ", b"").replace(b"\n", b"")
    assert remote.server.open_uploads(remote.bucket) == []


def later_parts(request: Request) -> bool:
    """Chooses the parts of an upload, but for the first."""
    return "partNumber=" in request.target and "partNumber=1&" not in request.target


async def is_in_bucket(remote: Remote, key: str) -> bool:
    return key in remote.server.keys(remote.bucket)
