"""Scans of a library whose files lie in a bucket, and partly on a local disk."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.s3 import S3BlobStore
from lora_manager.adapters.library.by_scheme import LibraryByScheme
from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.file.record import FileState
from lora_manager.domain.scan import FoundFile, Outcome, group
from lora_manager.ports.library import Consumer, Examined, ResultT
from tests.contract.blob_stores import chunks, s3_store
from tests.contract.s3_server import S3Server
from tests.library import lora_bytes
from tests.unit.app.world import Report, World, counts


class Noted(BlobLibrary):
    """Notes which files are read."""

    def __init__(self, store: S3BlobStore) -> None:
        super().__init__(store)
        self.examined: list[str] = []

    def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        self.examined += paths
        return super().examine(paths, open_consumer)


class TwoPlaces:
    """A world whose library is a local folder and a bucket."""

    def __init__(self, world: World, store: S3BlobStore) -> None:
        self.world = world
        self.store = store
        self.remote = Noted(store)
        self.library = LibraryByScheme(world.files, self.remote)

    def path(self, name: str) -> str:
        """Where the file of this name lies in the bucket."""
        return f"{self.store.root}{name}.safetensors"

    async def put(self, name: str, content: str) -> None:
        """Write a LoRA file into the bucket."""
        await self.store.put(f"{name}.safetensors", chunks(lora_bytes(content)))

    async def remove(self, name: str) -> None:
        """Remove the file from the bucket."""
        await self.store.delete(f"{name}.safetensors")

    async def scan(self, *roots: str) -> Report:
        """Scan these folders, or all of both places."""
        use = replace(self.world.scan_library, library=self.library)
        return group(await use(ScanLibraryCommand(paths=roots or self.library.roots)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        yield world


@pytest.fixture
async def places(world: World, s3_server: S3Server) -> AsyncIterator[TwoPlaces]:
    async with s3_store(s3_server) as (store, _):
        yield TwoPlaces(world, store)


async def test_files_in_a_bucket_are_registered_at_their_location(places: TwoPlaces) -> None:
    await places.put("style/ink", "one")
    await places.put("wash", "another")
    report = await places.scan()
    assert counts(report) == {Outcome.ADDED: 2}
    ink = places.world.loras["ink"]
    assert ink.file_path == places.path("style/ink")
    assert ink.file is not None
    assert (ink.file.state, ink.file.size_bytes) == (FileState.PRESENT, len(lora_bytes("one")))


async def test_a_file_that_is_no_lora_is_told_and_the_rest_goes_on(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.store.put("old.pt", chunks())
    await places.store.put("empty.safetensors", chunks())
    report = await places.scan()
    assert counts(report) == {Outcome.ADDED: 1, Outcome.REJECTED: 2}
    assert [finding.path for finding in report[Outcome.REJECTED]] == [
        places.path("empty"),
        f"{places.store.root}old.pt",
    ]


async def test_what_other_tools_leave_between_the_files_is_passed_over(places: TwoPlaces, s3_server: S3Server) -> None:
    await places.put("style/ink", "one")
    bucket, _, prefix = places.store.root.removeprefix("s3://").partition("/")
    for name in ("style/", "style//ink.safetensors", "style/./ink.safetensors", "readme.txt"):
        s3_server.client.put_object(Bucket=bucket, Key=prefix + name, Body=b"")
    assert counts(await places.scan()) == {Outcome.ADDED: 1}


async def test_an_unchanged_file_is_not_read_again(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.scan()
    assert places.remote.examined == [places.path("ink")]
    assert counts(await places.scan()) == {Outcome.UNCHANGED: 1}
    assert places.remote.examined == [places.path("ink")]


async def test_a_file_with_new_content_has_changed(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.scan()
    before = places.world.loras["ink"]
    await places.put("ink", "something longer")
    assert counts(await places.scan()) == {Outcome.CHANGED: 1}
    after = places.world.loras["ink"]
    assert (after.id, after.file_path) == (before.id, before.file_path)
    assert after.sha256 != before.sha256


async def test_a_file_that_is_gone_is_missing_until_it_is_back(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.scan()
    await places.remove("ink")
    assert counts(await places.scan()) == {Outcome.MISSING: 1}
    await places.put("ink", "one")
    await places.scan()
    file = places.world.loras["ink"].file
    assert file is not None
    assert file.state is FileState.PRESENT


async def test_a_file_under_another_key_has_moved(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.scan()
    await places.remove("ink")
    await places.put("style/wash", "one")
    assert counts(await places.scan()) == {Outcome.MOVED: 1}
    assert places.world.loras["ink"].file_path == places.path("style/wash")


async def test_a_copy_in_the_bucket_is_a_duplicate_until_the_local_file_is_gone(places: TwoPlaces) -> None:
    local = places.world.put("ink", "one")
    await places.scan()
    await places.put("ink", "one")
    assert counts(await places.scan()) == {Outcome.UNCHANGED: 1, Outcome.DUPLICATE: 1}
    assert places.world.loras["ink"].file_path == str(local)
    local.unlink()
    assert counts(await places.scan()) == {Outcome.MOVED: 1}
    assert places.world.loras["ink"].file_path == places.path("ink")
    assert len(places.world.loras) == 1


async def test_one_folder_of_the_bucket_can_be_scanned(places: TwoPlaces) -> None:
    for name in ("style/ink", "style2/wash", "style2/fog"):
        await places.put(name, name)
    await places.scan()
    await places.remove("style/ink")
    await places.remove("style2/wash")
    assert counts(await places.scan(f"{places.store.root}style2")) == {Outcome.MISSING: 1, Outcome.UNCHANGED: 1}


async def test_a_bucket_that_does_not_answer_loses_no_file(places: TwoPlaces, s3_server: S3Server) -> None:
    await places.put("ink", "one")
    await places.scan()
    s3_server.stop()
    places.world.put("wash", "another")
    try:
        with pytest.raises(Unavailable):
            await places.scan(places.store.root)
        report = await places.scan()
    finally:
        s3_server.start()
    [refused] = report[Outcome.REJECTED]
    assert refused.path == places.store.root.rstrip("/")
    assert refused.reason is not None
    assert "does not answer" in refused.reason
    assert counts(report) == {Outcome.REJECTED: 1, Outcome.ADDED: 1}
    assert counts(await places.scan()) == {Outcome.UNCHANGED: 2}


async def test_files_in_a_bucket_that_is_no_longer_set_are_left_as_they_are(places: TwoPlaces) -> None:
    await places.put("ink", "one")
    await places.scan()
    before = places.world.loras["ink"]
    places.library = LibraryByScheme(places.world.files, None)
    places.world.put("wash", "another")
    assert counts(await places.scan()) == {Outcome.ADDED: 1}
    assert places.world.loras["ink"] == before
