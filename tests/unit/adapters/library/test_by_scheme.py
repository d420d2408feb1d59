"""Local disks and object storage as one library."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from lora_manager.adapters.library.by_scheme import LibraryByScheme
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.domain.errors import OutsideLibrary
from lora_manager.domain.file import Inspected
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Consumer, Examined, ResultT
from tests.library import lora_bytes, write_lora


class Noted(LocalLibrary):
    """Notes which paths it is given to read together."""

    def __init__(self, roots: Sequence[str]) -> None:
        super().__init__(roots, threads=1)
        self.runs: list[list[str]] = []

    def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        self.runs.append([*paths])
        return super().examine(paths, open_consumer)


class Bucket(MemoryBlobStore):
    """Has the paths of one."""

    root = "s3://bucket/loras/"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Noted]:
    with closing(Noted([str(tmp_path)])) as local:
        yield local


@pytest.fixture
async def store() -> Bucket:
    async def content() -> AsyncIterator[bytes]:
        yield lora_bytes("ink")

    store = Bucket()
    await store.put("ink.safetensors", content())
    return store


@pytest.fixture
def library(local: Noted, store: Bucket) -> LibraryByScheme:
    return LibraryByScheme(local, BlobLibrary(store))


def local_lora(folder: Path, name: str) -> str:
    return str(write_lora(folder / f"{name}.safetensors", name))


def test_the_roots_are_those_of_both(library: LibraryByScheme, tmp_path: Path) -> None:
    assert library.roots == (str(tmp_path), "s3://bucket/loras")


async def test_files_of_both_kinds_are_examined_in_the_order_of_their_paths(
    library: LibraryByScheme, store: Bucket, tmp_path: Path
) -> None:
    remote = f"{store.root}ink.safetensors"
    a, b = local_lora(tmp_path, "a"), local_lora(tmp_path, "b")
    paths = [a, remote, remote, b, a, remote]
    results = [result async for result in library.examine(paths, inspection_of)]
    assert [result.found.path for result in results] == paths
    assert all(isinstance(result.outcome, Inspected) for result in results)


async def test_files_of_one_kind_are_examined_together(library: LibraryByScheme, local: Noted, tmp_path: Path) -> None:
    paths = [local_lora(tmp_path, name) for name in "abc"]
    assert len([result async for result in library.examine(paths, inspection_of)]) == 3
    assert local.runs == [paths]


async def test_nothing_is_examined_of_no_paths(library: LibraryByScheme) -> None:
    assert [result async for result in library.examine([], inspection_of)] == []


async def test_without_a_bucket_a_path_in_one_is_outside_and_the_settings_that_open_it_are_named(
    local: Noted, tmp_path: Path
) -> None:
    library = LibraryByScheme(local, None)
    assert library.roots == (str(tmp_path),)
    with pytest.raises(OutsideLibrary, match="set S3_BUCKET to loras") as refusal:
        library.locate("s3://loras/style/ink.safetensors")
    assert refusal.value.root_to_add == "s3://loras/style"
    with pytest.raises(OutsideLibrary, match="S3_BUCKET"):
        await anext(library.read("s3://loras/ink.png"))


async def test_without_a_bucket_the_files_in_one_do_not_hold_up_the_others(local: Noted, tmp_path: Path) -> None:
    paths = ["s3://loras/a.safetensors", "s3://loras/b.safetensors", local_lora(tmp_path, "c")]
    results = [result async for result in LibraryByScheme(local, None).examine(paths, inspection_of)]
    assert [result.found.path for result in results] == paths
    assert [type(result.outcome) for result in results[2:]] == [Inspected]
    for result in results[:2]:
        assert isinstance(result.outcome, OutsideLibrary)
        assert result.outcome.path == result.found.path


def test_a_path_in_another_bucket_is_refused_in_printable_words(library: LibraryByScheme) -> None:
    with pytest.raises(OutsideLibrary, match=r"s3://other/ink\\udcff") as refusal:
        library.locate("s3://other/ink\udcff.safetensors")
    str(refusal.value).encode()
