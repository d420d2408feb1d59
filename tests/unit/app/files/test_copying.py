"""Copying a library into a bucket and back; the bucket is in memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.files.copying import CopyReport, NoBucket
from lora_manager.app.files.pull_files import PullFiles, PullFilesCommand
from lora_manager.app.files.push_files import PushFiles, PushFilesCommand
from lora_manager.domain.blob import Blob
from lora_manager.domain.errors import OutsideLibrary, Unavailable
from lora_manager.domain.scan import Progress
from tests.library import write_lora


class Worlds:
    """A library with two roots, and a bucket."""

    def __init__(self, folder: Path) -> None:
        self.roots = [folder / "one", folder / "two"]
        for root in self.roots:
            root.mkdir()
        self.files = LocalLibrary([str(root) for root in self.roots], threads=2)
        self.bucket = MemoryBlobStore()
        self.copy = folder / "copy"

    async def push(self, *folders: Path, overwrite: bool = False, dry_run: bool = False) -> CopyReport:
        chosen = tuple(str(folder) for folder in folders or self.roots)
        command = PushFilesCommand(folders=chosen, overwrite=overwrite, dry_run=dry_run)
        return await PushFiles(self.files, self.bucket)(command)

    async def pull(self, prefix: str = "", *, overwrite: bool = False, dry_run: bool = False) -> CopyReport:
        command = PullFilesCommand(folder=str(self.copy), prefix=prefix, overwrite=overwrite, dry_run=dry_run)
        return await PullFiles(self.bucket, LocalBlobStore)(command)

    async def keys(self) -> list[str]:
        return [blob.key async for blob in self.bucket.list()]

    def copied(self) -> dict[str, bytes]:
        """The files that were pulled; what the store keeps for itself begins with a dot."""
        found = (path for path in self.copy.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.copy)): path.read_bytes()
            for path in found
            if not any(part.startswith(".") for part in path.relative_to(self.copy).parts)
        }


@pytest.fixture
async def worlds(tmp_path: Path) -> AsyncIterator[Worlds]:
    worlds = Worlds(tmp_path)
    yield worlds
    worlds.files.close()


async def content(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_library_is_pushed_with_what_lies_beside_its_files_and_comes_back_byte_for_byte(worlds: Worlds) -> None:
    ink = write_lora(worlds.roots[0] / "style" / "ink.safetensors", "ink")
    neon = write_lora(worlds.roots[1] / "neon.safetensors", "neon")
    (ink.parent / "ink.json").write_text("{}")
    (ink.parent / "ink.preview.png").write_bytes(b"a picture")
    (ink.parent / "notes.txt").write_text("of nobody's business")
    (ink.parent / "alone.json").write_text("{}")

    report = await worlds.push()

    assert await worlds.keys() == [
        "neon.safetensors",
        "style/ink.json",
        "style/ink.preview.png",
        "style/ink.safetensors",
    ]
    assert (len(report.copied), report.present, report.different, report.failed) == (4, [], [], [])
    assert report.copied_bytes == sum(path.stat().st_size for path in (ink, neon)) + len(b"{}a picture")
    await worlds.pull()
    assert worlds.copied() == {
        "neon.safetensors": neon.read_bytes(),
        "style/ink.safetensors": ink.read_bytes(),
        "style/ink.json": b"{}",
        "style/ink.preview.png": b"a picture",
    }


async def test_what_is_there_already_is_left_out(worlds: Worlds) -> None:
    path = write_lora(worlds.roots[0] / "ink.safetensors", "ink")
    await worlds.push()
    before = await worlds.bucket.stat("ink.safetensors")
    again = await worlds.push()
    assert (again.copied, again.present) == ([], [str(path)])
    assert (await worlds.bucket.stat("ink.safetensors")).version == before.version
    await worlds.pull()
    assert (await worlds.pull()).present == [before.uri]


async def test_what_differs_is_left_alone_until_it_may_be_replaced(worlds: Worlds) -> None:
    path = write_lora(worlds.roots[0] / "ink.safetensors", "ink")
    same_size = bytes(path.stat().st_size)
    await worlds.bucket.put("ink.safetensors", content(same_size))
    refused = await worlds.push()
    assert (refused.copied, refused.different) == ([], [str(path)])
    replaced = await worlds.push(overwrite=True)
    assert (replaced.copied, replaced.different) == ([str(path)], [])
    assert [chunk async for chunk in worlds.bucket.read("ink.safetensors")] == [path.read_bytes()]


async def test_two_roots_with_a_file_of_the_same_path_do_not_hide_one(worlds: Worlds) -> None:
    first = write_lora(worlds.roots[0] / "ink.safetensors", "ink")
    second = write_lora(worlds.roots[1] / "ink.safetensors", "other ink")
    report = await worlds.push()
    assert sorted([*report.copied, *report.different]) == sorted([str(first), str(second)])
    assert len(report.different) == 1


async def test_a_dry_run_copies_nothing_and_tells_what_it_would(worlds: Worlds) -> None:
    path = write_lora(worlds.roots[0] / "ink.safetensors", "ink")
    assert (await worlds.push(dry_run=True)).copied == [str(path)]
    assert await worlds.keys() == []
    await worlds.push()
    assert len((await worlds.pull(dry_run=True)).copied) == 1
    assert worlds.copied() == {}


async def test_a_folder_or_a_prefix_chooses_what_is_copied(worlds: Worlds) -> None:
    write_lora(worlds.roots[0] / "style" / "ink.safetensors", "ink")
    write_lora(worlds.roots[0] / "people" / "ann.safetensors", "ann")
    await worlds.push(worlds.roots[0] / "style")
    assert await worlds.keys() == ["style/ink.safetensors"]
    await worlds.push()
    await worlds.pull("people/")
    assert set(worlds.copied()) == {"people/ann.safetensors"}


async def test_a_bucket_that_holds_other_things_too_gives_only_what_belongs_to_a_lora(worlds: Worlds) -> None:
    write_lora(worlds.roots[0] / "ink.safetensors", "ink")
    await worlds.push()
    for key in ("metadata/0190.json", "deliveries/0190/00.png", "ink/unrelated.json"):
        await worlds.bucket.put(key, content(b"{}"))
    await worlds.pull()
    assert set(worlds.copied()) == {"ink.safetensors"}


async def test_a_file_that_cannot_be_read_is_named_and_the_rest_goes_on(worlds: Worlds) -> None:
    gone = write_lora(worlds.roots[0] / "gone.safetensors", "gone")
    write_lora(worlds.roots[0] / "ink.safetensors", "ink")

    class Vanishing(LocalLibrary):
        async def list(self, folder: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # the port's own
            listing = await super().list(folder)
            gone.unlink(missing_ok=True)
            return listing

    files = Vanishing([str(worlds.roots[0])], threads=1)
    report = await PushFiles(files, worlds.bucket)(PushFilesCommand(folders=(str(worlds.roots[0]),)))
    files.close()
    assert await worlds.keys() == ["ink.safetensors"]
    [(place, reason)] = report.failed
    assert place == str(gone)
    assert "no such file" in reason


async def test_a_bucket_that_goes_away_ends_it_and_what_was_copied_is_kept(worlds: Worlds) -> None:
    for number in range(20):
        write_lora(worlds.roots[0] / f"{number:02}.safetensors", str(number))

    class Leaving(MemoryBlobStore):
        puts = 0

        async def put(self, key, content, **options) -> Blob:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003  # the port's own
            self.puts += 1
            if self.puts > 10:
                raise Unavailable("the bucket does not answer")
            return await super().put(key, content, **options)

    worlds.bucket = Leaving()
    with pytest.raises(Unavailable):
        await worlds.push()
    kept = len(await worlds.keys())
    worlds.bucket.puts = -100
    report = await worlds.push()
    assert (len(report.present), len(report.copied)) == (kept, 20 - kept)
    assert kept > 0


async def test_a_run_that_is_cancelled_leaves_nothing_behind_in_the_background(worlds: Worlds) -> None:
    for number in range(5):
        write_lora(worlds.roots[0] / f"{number}.safetensors", str(number))
    began = asyncio.Event()

    class Hanging(MemoryBlobStore):
        async def put(self, key, content, **options) -> Blob:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003  # the port's own
            began.set()
            await asyncio.Event().wait()
            return await super().put(key, content, **options)

    worlds.bucket = Hanging()
    run = asyncio.create_task(worlds.push())
    await began.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_progress_ends_at_all_files_and_all_bytes(worlds: Worlds) -> None:
    for number in range(3):
        write_lora(worlds.roots[0] / f"{number}.safetensors", str(number))
    await worlds.push(worlds.roots[0] / "0.safetensors")
    told: list[Progress] = []
    await PushFiles(worlds.files, worlds.bucket)(PushFilesCommand(folders=(str(worlds.roots[0]),)), told.append)
    assert (told[0].files_done, told[0].files_total) == (0, 3)
    assert (told[-1].files_done, told[-1].bytes_done) == (told[-1].files_total, told[-1].bytes_total)


async def test_without_a_bucket_and_outside_the_library_nothing_is_copied(worlds: Worlds, tmp_path: Path) -> None:
    with pytest.raises(NoBucket, match="S3_BUCKET"):
        await PushFiles(worlds.files, None)(PushFilesCommand(folders=(str(worlds.roots[0]),)))
    with pytest.raises(NoBucket, match="S3_BUCKET"):
        await PullFiles(None, LocalBlobStore)(PullFilesCommand(folder=str(worlds.copy)))
    with pytest.raises(OutsideLibrary):
        await worlds.push(tmp_path)
