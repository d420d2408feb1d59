"""The contract of ``ports.library.Library``."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from lora_manager.adapters.library.by_scheme import LibraryByScheme
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.library.reading import FIRST_READ
from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.domain.blob import WHOLE, Span
from lora_manager.domain.errors import FileMissing, FileNotReadable, InvalidFile, OutsideLibrary
from lora_manager.domain.file import Inspected
from lora_manager.domain.scan import FoundFile
from lora_manager.domain.sidecar import SUFFIXES
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.library import Library, Listing
from tests.contract.blob_stores import chunks, s3_store
from tests.contract.s3_server import S3Server
from tests.library import lora_bytes

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A library, and how its files are written by name."""

    library: Library
    root: str
    put: Callable[[str, bytes], Awaitable[None]]

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    async def put_all(self, names: Iterable[str]) -> None:
        for name in names:
            await self.put(name, name.encode())


class MemoryBucket(MemoryBlobStore):
    """Has the paths of a bucket."""

    root = "s3://bucket/loras/"


def local_place(library: Library, folder: Path) -> Place:
    async def put(name: str, content: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return Place(library, str(folder), put)


def blob_place(library: Library, store: BlobStore) -> Place:
    async def put(name: str, content: bytes) -> None:
        await store.put(name, chunks(content))

    return Place(library, store.root.removesuffix("/"), put)


@pytest.fixture(params=("local", "memory", "s3", "local by scheme", "memory by scheme"))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A library without files."""
    kind, _, by_scheme = request.param.partition(" ")
    async with AsyncExitStack() as stack:
        local = stack.enter_context(closing(LocalLibrary([str(tmp_path)], threads=2)))
        store: BlobStore = MemoryBucket()
        if kind == "s3":
            server: S3Server = request.getfixturevalue("s3_server")
            store, _ = await stack.enter_async_context(s3_store(server))
        remote = BlobLibrary(store)
        library = LibraryByScheme(local, remote) if by_scheme else local if kind == "local" else remote
        yield local_place(library, tmp_path) if kind == "local" else blob_place(library, store)


class Whole:
    """Keeps all it is fed."""

    def __init__(self, before: Callable[[], object] = lambda: None) -> None:
        self._before = before
        self.chunks: list[bytes] = []

    def feed(self, chunk: memoryview) -> None:
        self._before()
        self.chunks.append(bytes(chunk))

    def finish(self) -> bytes:
        return b"".join(self.chunks)


async def examined(
    place: Place, names: Sequence[str], consumer: Callable[[FoundFile], Whole] = lambda _: Whole()
) -> list[bytes | str]:
    """What came of each file: its bytes, or the reason against it."""
    async with aclosing(place.library.examine([place.path(name) for name in names], consumer)) as results:
        return [
            str(result.outcome) if isinstance(result.outcome, InvalidFile) else result.outcome
            async for result in results
        ]


async def read(place: Place, name: str, span: Span = WHOLE) -> bytes:
    async with aclosing(place.library.read(place.path(name), span)) as content:
        return b"".join([chunk async for chunk in content])


def names_in(place: Place, listing: Listing) -> list[str]:
    return [file.path.removeprefix(f"{place.root}/") for file in listing.files]


def outside(place: Place) -> str:
    """A path of the same kind that no root holds."""
    return f"{place.root}-not/style/ink.safetensors"


def test_its_place_is_one_of_its_roots(place: Place) -> None:
    assert place.root in place.library.roots


@pytest.mark.parametrize("name", ["ink.safetensors", "style/deep/ink.safetensors", "style", "墨 ink.safetensors"])
def test_a_path_inside_is_located_as_it_is(place: Place, name: str) -> None:
    assert place.library.locate(place.path(name)) == place.path(name)


def test_a_folder_is_located_without_a_slash_at_its_end(place: Place) -> None:
    assert place.library.locate(place.path("style/")) == place.path("style")
    assert place.library.locate(f"{place.root}/") == place.root
    assert place.library.locate(place.root) == place.root


@pytest.mark.parametrize("written", ["ink.safetensors", "", "./ink.safetensors", "{root}/ink\x00.safetensors"])
def test_what_is_no_path_is_refused(place: Place, written: str) -> None:
    with pytest.raises(InvalidFile):
        place.library.locate(written.format(root=place.root))


@pytest.mark.parametrize("written", ["{root}/./ink", "{root}/style/../ink", "{root}//ink"])
def test_a_path_with_dots_is_never_registered_as_such(place: Place, written: str) -> None:
    try:
        located = place.library.locate(written.format(root=place.root))
    except InvalidFile:
        return
    assert located == place.path("ink")


def test_a_path_outside_is_refused_with_the_root_to_add(place: Place) -> None:
    with pytest.raises(OutsideLibrary) as refusal:
        place.library.locate(outside(place))
    assert refusal.value.path == outside(place)
    assert refusal.value.root_to_add == f"{place.root}-not/style"
    assert place.root in str(refusal.value)


async def test_no_method_goes_outside(place: Place) -> None:
    library, path = place.library, outside(place)
    with pytest.raises(OutsideLibrary):
        await library.stat(path)
    with pytest.raises(OutsideLibrary):
        await library.list(path)
    with pytest.raises(OutsideLibrary):
        await library.companions(path)
    with pytest.raises(OutsideLibrary):
        await anext(library.read(path))
    with pytest.raises(OutsideLibrary):
        await library.presign(path, MINUTE)
    [result] = [result async for result in library.examine([path], lambda _: Whole())]
    assert isinstance(result.outcome, OutsideLibrary)


async def test_a_file_that_is_missing_is_told_to_be(place: Place) -> None:
    path = place.path("gone.safetensors")
    with pytest.raises(FileMissing):
        await place.library.stat(path)
    with pytest.raises(FileMissing):
        await place.library.list(path)
    with pytest.raises(FileMissing):
        await anext(place.library.read(path))
    [result] = [result async for result in place.library.examine([path], lambda _: Whole())]
    assert isinstance(result.outcome, FileMissing)
    assert result.found.path == path


async def test_a_folder_is_no_file(place: Place) -> None:
    await place.put("style.safetensors/ink.safetensors", b"ink")
    path = place.path("style.safetensors")
    with pytest.raises(FileNotReadable):
        await place.library.stat(path)
    with pytest.raises(FileNotReadable):
        await anext(place.library.read(path))
    [result] = [result async for result in place.library.examine([path], lambda _: Whole())]
    assert isinstance(result.outcome, FileNotReadable)


async def test_a_file_is_the_same_by_size_and_time_however_it_is_looked_at(place: Place) -> None:
    await place.put("ink.safetensors", b"12345")
    path = place.path("ink.safetensors")
    found = await place.library.stat(path)
    assert (found.path, found.size_bytes) == (path, 5)
    assert found.modified_ns is not None
    listing = await place.library.list(place.root)
    [result] = [result async for result in place.library.examine([path], lambda _: Whole())]
    assert [*listing.files, result.found] == [found, found]


async def test_a_file_of_another_size_is_another_one(place: Place) -> None:
    await place.put("ink.safetensors", b"12345")
    before = await place.library.stat(place.path("ink.safetensors"))
    await place.put("ink.safetensors", b"123456")
    assert await place.library.stat(place.path("ink.safetensors")) != before


async def test_an_empty_library_lists_nothing(place: Place) -> None:
    assert await place.library.list(place.root) == Listing([], [], {})


async def test_a_listing_finds_safetensors_at_every_depth_ordered_by_path(place: Place) -> None:
    await place.put_all(
        ["c.safetensors", "a.safetensors", "b/z.SAFETENSORS", "b/c/d/e.sft", "b.safetensors", "墨.safetensors"]
    )
    await place.put_all(["readme.txt", "b/ink.safetensors.part", "safetensors", "b/.safetensors"])
    listing = await place.library.list(place.root)
    assert names_in(place, listing) == [
        "a.safetensors",
        "b.safetensors",
        "b/c/d/e.sft",
        "b/z.SAFETENSORS",
        "c.safetensors",
        "墨.safetensors",
    ]
    assert not listing.refused


async def test_a_listing_holds_what_lies_below_its_folder_and_nothing_beside_it(place: Place) -> None:
    await place.put_all(
        ["style/ink.safetensors", "style/a/wash.safetensors", "style2/ink.safetensors", "style.safetensors"]
    )
    for folder in ("style", "style/"):
        listing = await place.library.list(place.path(folder))
        assert names_in(place, listing) == ["style/a/wash.safetensors", "style/ink.safetensors"]


async def test_a_listing_refuses_pickles_by_name_with_the_reason(place: Place) -> None:
    await place.put_all(["b/old.PT", "a.ckpt", "c.gguf", "ink.safetensors"])
    listing = await place.library.list(place.root)
    assert names_in(place, listing) == ["ink.safetensors"]
    assert [refused.path for refused in listing.refused] == [place.path(x) for x in ("a.ckpt", "b/old.PT", "c.gguf")]
    assert "pickle" in listing.refused[0].reason
    assert "GGUF" in listing.refused[2].reason


async def test_a_single_file_can_be_listed(place: Place) -> None:
    await place.put_all(["ink.safetensors", "ink.png", "ink2.safetensors", "old.pt"])
    listing = await place.library.list(place.path("ink.safetensors"))
    assert names_in(place, listing) == ["ink.safetensors"]
    assert listing.companions == {place.path("ink.safetensors"): (place.path("ink.png"),)}
    listing = await place.library.list(place.path("old.pt"))
    assert [refused.path for refused in listing.refused] == [place.path("old.pt")]
    assert not listing.files


async def test_companions_come_in_the_order_of_their_suffixes(place: Place) -> None:
    await place.put_all(f"style/ink{suffix}" for suffix in sorted(SUFFIXES))
    await place.put_all(["style/ink.safetensors", "style/wash.safetensors", "style/inkwash.png", "ink.png"])
    await place.put_all(["style/ink.txt", "style/Ink.png"])
    path = place.path("style/ink.safetensors")
    expected = tuple(place.path(f"style/ink{suffix}") for suffix in SUFFIXES)
    assert (await place.library.list(place.root)).companions == {path: expected}
    assert await place.library.companions(path) == expected
    assert await place.library.companions(place.path("style/wash.safetensors")) == ()


async def test_a_suffix_may_be_written_in_capitals(place: Place) -> None:
    await place.put_all(["ink.safetensors", "ink.Preview.PNG"])
    path = place.path("ink.safetensors")
    assert await place.library.companions(path) == (place.path("ink.Preview.PNG"),)
    assert (await place.library.list(place.root)).companions == {path: (place.path("ink.Preview.PNG"),)}


async def test_the_companions_of_a_file_that_is_not_there_are_told_too(place: Place) -> None:
    await place.put("gone.json", b"{}")
    assert await place.library.companions(place.path("gone.safetensors")) == (place.path("gone.json"),)
    assert await place.library.companions(place.path("nowhere/gone.safetensors")) == ()


async def test_every_file_is_read_from_first_byte_to_last_in_the_order_of_the_paths(place: Place) -> None:
    sizes = [FIRST_READ + 1, 0, 3, FIRST_READ, 5 * FIRST_READ + 17, 1, 1, 1]
    contents = [os.urandom(size) for size in sizes]
    names = [f"{9 - number}.safetensors" for number in range(len(sizes))]
    for name, content in zip(names, contents, strict=True):
        await place.put(name, content)
    assert await examined(place, [*names, names[0]]) == [*contents, contents[0]]


async def test_a_lora_is_known_for_what_it_is(place: Place) -> None:
    await place.put("ink.safetensors", lora_bytes("ink"))
    [result] = [r async for r in place.library.examine([place.path("ink.safetensors")], inspection_of)]
    assert isinstance(result.outcome, Inspected)
    assert result.outcome.size_bytes == result.found.size_bytes == len(lora_bytes("ink"))


async def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(place: Place) -> None:
    await place.put_all(["old.pt", "ink.safetensors"])
    [gone, pickle, ink] = await examined(place, ["gone.safetensors", "old.pt", "ink.safetensors"])
    assert "there is no such file" in str(gone)
    assert "pickle" in str(pickle)
    assert ink == b"ink.safetensors"


async def test_a_path_too_long_to_be_kept_does_not_hold_up_the_others(place: Place) -> None:
    await place.put("ink.safetensors", b"ink")
    [refusal, ink] = await examined(place, ["i" * 1_010 + ".safetensors", "ink.safetensors"])
    assert isinstance(refusal, str)
    assert ink == b"ink"


async def test_a_consumer_that_refuses_ends_the_reading_of_its_file_only(place: Place) -> None:
    fed: list[int] = []

    class Refuses(Whole):
        def feed(self, chunk: memoryview) -> None:
            fed.append(len(chunk))
            raise InvalidFile("no LoRA")

    await place.put("big.safetensors", bytes(8 * FIRST_READ))
    await place.put("small.safetensors", b"ink")
    outcomes = await examined(
        place, ["big.safetensors", "small.safetensors"], lambda found: Whole() if found.size_bytes == 3 else Refuses()
    )
    assert outcomes == ["no LoRA", b"ink"]
    assert len(fed) == 1
    assert fed[0] <= FIRST_READ


async def test_what_a_consumer_refuses_at_the_end_is_an_outcome(place: Place) -> None:
    class Refuses(Whole):
        def finish(self) -> bytes:
            raise InvalidFile("no LoRA after all")

    await place.put("ink.safetensors", b"ink")
    assert await examined(place, ["ink.safetensors"], lambda _: Refuses()) == ["no LoRA after all"]


async def test_a_fault_of_a_consumer_is_raised_not_reported(place: Place) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    await place.put("ink.safetensors", b"ink")
    with pytest.raises(ZeroDivisionError):
        await examined(place, ["ink.safetensors"], lambda _: Whole(fail))


async def test_files_are_read_several_at_a_time_off_the_event_loop(place: Place) -> None:
    both = threading.Barrier(2, timeout=30)
    threads: set[int] = set()

    def meet() -> None:
        threads.add(threading.get_ident())
        both.wait()

    await place.put_all(["a.safetensors", "b.safetensors"])
    outcomes = await examined(place, ["a.safetensors", "b.safetensors"], lambda _: Whole(meet))
    assert outcomes == [b"a.safetensors", b"b.safetensors"]
    assert threading.get_ident() not in threads


async def test_closing_early_stops_the_reading(place: Place) -> None:
    names = [f"{number:03}.safetensors" for number in range(100)]
    await place.put_all(names)
    opened: list[str] = []

    def open_consumer(found: FoundFile) -> Whole:
        opened.append(found.path)
        return Whole()

    async with aclosing(place.library.examine([place.path(name) for name in names], open_consumer)) as results:
        await anext(results)
    so_far = len(opened)
    assert so_far < len(names)
    assert await examined(place, names[-1:]) == [names[-1].encode()]  # whatever still went on came before it
    assert len(opened) <= so_far + 2  # one for each thread that had begun


async def test_a_file_that_changes_while_it_is_examined_is_refused(place: Place) -> None:
    await place.put("ink.safetensors", bytes(2 * FIRST_READ))
    loop, changed = asyncio.get_running_loop(), threading.Event()

    def change() -> None:
        if not changed.is_set():
            changed.set()
            writing = place.put("ink.safetensors", bytes(3 * FIRST_READ))
            asyncio.run_coroutine_threadsafe(_await(writing), loop).result(timeout=30)

    [outcome] = await examined(place, ["ink.safetensors"], lambda _: Whole(change))
    assert "it changed while it was read" in str(outcome)


async def _await(writing: Awaitable[None]) -> None:
    await writing


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (WHOLE, slice(None)),
        (Span(0, 5), slice(0, 5)),
        (Span(5, 6), slice(5, 6)),
        (Span(7), slice(7, None)),
        (Span(2 << 20, (2 << 20) + 9), slice(2 << 20, (2 << 20) + 9)),
        (Span(1, 1 << 40), slice(1, None)),
        (Span(3 << 20), slice(0, 0)),
        (Span(1 << 40, (1 << 40) + 1), slice(0, 0)),
    ],
)
async def test_a_span_of_any_file_is_read(place: Place, span: Span, expected: slice) -> None:
    content = os.urandom(3 << 20)
    await place.put("style/ink.preview.png", content)
    assert await read(place, "style/ink.preview.png", span) == content[expected]


async def test_an_empty_file_has_no_bytes(place: Place) -> None:
    await place.put("ink.json", b"")
    assert await read(place, "ink.json") == b""


async def test_a_reader_may_stop_early(place: Place) -> None:
    content = os.urandom(3 << 20)
    await place.put("ink.png", content)
    async with aclosing(place.library.read(place.path("ink.png"))) as read_early:
        first = await anext(read_early)
    assert content.startswith(first)
    assert await read(place, "ink.png") == content


async def test_a_file_replaced_while_it_is_read_never_gives_mixed_bytes(place: Place) -> None:
    old, new = b"\x01" * (3 << 20), b"\x02" * (4 << 20)
    await place.put("ink.png", old)
    received = b""
    try:
        async with aclosing(place.library.read(place.path("ink.png"))) as content:
            received += await anext(content)
            await place.put("ink.png", new)
            async for chunk in content:
                received += chunk
    except FileNotReadable:
        assert len(received) < len(old)
    assert old.startswith(received)


async def test_a_url_for_anybody_leads_to_the_file_where_there_is_one(place: Place) -> None:
    await place.put("ink.png", b"ink")
    url = await place.library.presign(place.path("ink.png"), MINUTE)
    assert url is None or (url.startswith("http://127.0.0.1") and "/ink.png?" in url)
