"""Handing out files and previews, over a library on disk or one in a bucket."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.files.open_file import Elsewhere, FileGone, OpenedFile, OpenFile, OpenPreview, PreviewNotFound
from lora_manager.domain.blob import WHOLE, Span
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from tests.contract.examples import a_lora, new_id
from tests.library import lora_bytes
from tests.unit.app.world import START, World

PREVIEW_URL = "https://example.org/ink.png"


class Bucket(MemoryBlobStore):
    """Gives addresses of its blobs."""

    root = "s3://loras/"

    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        return f"https://loras.example.org/{key}?seconds={lifetime.total_seconds():.0f}"


async def content(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def read(file: OpenedFile | Elsewhere, span: Span = WHOLE) -> bytes:
    assert isinstance(file, OpenedFile)
    async with aclosing(file.read(span)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def register(world: World, lora: Lora) -> UUID:
    async with world.begin() as uow:
        await uow.loras.add(lora)
        await uow.commit()
    return lora.id


async def scanned(world: World, name: str = "ink") -> Lora:
    world.put(name, name)
    await world.scan()
    return world.loras[name]


async def test_a_local_file_is_read_whole_or_in_part(world: World) -> None:
    lora = await scanned(world)
    file = await OpenFile(world.catalog, world.files)(lora.id)
    whole = lora_bytes("ink")
    assert isinstance(file, OpenedFile)
    assert (file.name, file.found.size_bytes) == ("ink.safetensors", len(whole))
    assert await read(file) == whole
    assert await read(file, Span(3, 40)) == whole[3:40]


async def test_the_version_is_the_sha256_for_as_long_as_the_file_is_the_one_that_was_read(world: World) -> None:
    lora = await scanned(world)
    open_file = OpenFile(world.catalog, world.files)
    before = await open_file(lora.id)
    world.put("ink", "oil")
    after = await open_file(lora.id)
    assert isinstance(before, OpenedFile)
    assert isinstance(after, OpenedFile)
    assert before.version == lora.sha256
    assert after.version != lora.sha256
    world.touch("ink")
    touched = await open_file(lora.id)
    assert isinstance(touched, OpenedFile)
    assert touched.version not in {before.version, after.version}


async def test_a_file_that_is_gone_is_not_found(world: World) -> None:
    lora = await scanned(world)
    world.path("ink").unlink()
    with pytest.raises(FileGone, match=r"ink\.safetensors: there is no such file"):
        await OpenFile(world.catalog, world.files)(lora.id)


async def test_a_file_that_goes_before_it_is_read_is_not_found(world: World) -> None:
    lora = await scanned(world)
    file = await OpenFile(world.catalog, world.files)(lora.id)
    world.path("ink").unlink()
    with pytest.raises(FileGone):
        await read(file)


async def test_a_path_that_is_in_no_root_any_more_is_not_found(world: World, tmp_path: Path) -> None:
    lora_id = await register(world, a_lora(file_path=str(tmp_path / "elsewhere.safetensors")))
    with pytest.raises(FileGone, match="outside the library"):
        await OpenFile(world.catalog, world.files)(lora_id)


async def test_an_unknown_lora_has_no_file_and_no_preview(world: World) -> None:
    for use_case in (OpenFile(world.catalog, world.files), OpenPreview(world.catalog, world.files)):
        with pytest.raises(LoraNotFound):
            await use_case(new_id())


async def test_a_file_in_a_bucket_is_to_be_had_at_an_address_for_an_hour(world: World) -> None:
    bucket = Bucket()
    blob = await bucket.put("ink.safetensors", content(b"ink"))
    lora_id = await register(world, a_lora(file_path=blob.uri))
    file = await OpenFile(world.catalog, BlobLibrary(bucket))(lora_id)
    assert file == Elsewhere("https://loras.example.org/ink.safetensors?seconds=3600")


async def test_a_file_that_is_gone_from_a_bucket_has_no_address(world: World) -> None:
    bucket = Bucket()
    lora_id = await register(world, a_lora(file_path=f"{bucket.root}ink.safetensors"))
    with pytest.raises(FileGone):
        await OpenFile(world.catalog, BlobLibrary(bucket))(lora_id)


async def test_the_preview_beside_the_file_goes_before_the_preview_url(world: World) -> None:
    lora = await scanned(world)
    changed, _ = lora.revise(now=START, preview_url=PREVIEW_URL)
    await world.change(changed)
    open_preview = OpenPreview(world.catalog, world.files)
    assert await open_preview(lora.id) == Elsewhere(PREVIEW_URL)
    (world.library / "ink.metadata.json").write_text("{}")
    (world.library / "ink.mp4").write_bytes(b"a video")
    assert await read(await open_preview(lora.id)) == b"a video"
    (world.library / "ink.preview.png").write_bytes(b"a picture")
    preview = await open_preview(lora.id)
    assert isinstance(preview, OpenedFile)
    assert (preview.name, await read(preview)) == ("ink.preview.png", b"a picture")


async def test_a_preview_that_cannot_be_read_is_none(world: World) -> None:
    lora = await scanned(world)
    (world.library / "ink.png").mkdir()
    with pytest.raises(PreviewNotFound, match="'ink' has no preview"):
        await OpenPreview(world.catalog, world.files)(lora.id)


async def test_a_sidecar_is_no_preview(world: World) -> None:
    lora = await scanned(world)
    (world.library / "ink.json").write_text("{}")
    with pytest.raises(PreviewNotFound):
        await OpenPreview(world.catalog, world.files)(lora.id)


async def test_a_preview_in_a_bucket_is_to_be_had_at_an_address(world: World) -> None:
    bucket = Bucket()
    lora_id = await register(world, a_lora(file_path=(await bucket.put("ink.safetensors", content(b"ink"))).uri))
    await bucket.put("ink.webp", content(b"a picture"))
    preview = await OpenPreview(world.catalog, BlobLibrary(bucket))(lora_id)
    assert preview == Elsewhere("https://loras.example.org/ink.webp?seconds=3600")
