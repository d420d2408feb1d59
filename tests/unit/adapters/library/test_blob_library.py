"""LoRA files in a store of blobs: what is asked of the store, and what comes of its answers."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lora_manager.adapters.library.reading import FIRST_READ
from lora_manager.adapters.library.remote import WINDOW, BlobLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.domain.blob import WHOLE, Blob, BlobChanged, BlobMissing, Span
from lora_manager.domain.errors import FileMissing, FileNotReadable, InvalidFile, InvalidInput, Unavailable
from lora_manager.domain.file import Inspected
from lora_manager.domain.scan import FoundFile
from tests.library import lora_bytes
from tests.unit.domain.file.building import build, lora


class Watched(MemoryBlobStore):
    """Notes what is read and listed, after something was done before each reading."""

    root = "s3://bucket/loras/"

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Span] = []
        self.versions: set[str | None] = set()
        self.listed: list[str] = []
        self.before_reading: Callable[[Span], None] = lambda _: None
        self.at_once = self.most_at_once = 0

    async def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        self.spans.append(span)
        self.versions.add(version)
        self.before_reading(span)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            async with aclosing(super().read(key, span, version=version)) as chunks:
                async for chunk in chunks:
                    await asyncio.sleep(0)
                    yield chunk
        finally:
            self.at_once -= 1

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        self.listed.append(prefix)
        async with aclosing(super().list(prefix)) as blobs:
            async for blob in blobs:
                yield blob

    async def hold(self, key: str, content: bytes) -> str:
        """Keep it, and tell where."""

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        return (await self.put(key, chunks())).uri


class Whole:
    """Keeps all it is fed."""

    def __init__(self) -> None:
        self.content = b""

    def feed(self, chunk: memoryview) -> None:
        self.content += chunk

    def finish(self) -> bytes:
        return self.content


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def library(store: Watched) -> BlobLibrary:
    return BlobLibrary(store)


async def outcome_of(library: BlobLibrary, path: str) -> bytes | InvalidFile:
    [result] = [result async for result in library.examine([path], lambda _: Whole())]
    return result.outcome


async def test_a_large_file_that_is_no_lora_costs_its_first_bytes(library: BlobLibrary, store: Watched) -> None:
    checkpoint = build({"model.diffusion_model.input_blocks.0.0.weight": ("F32", (320, 4, 32, 32))})
    assert len(checkpoint) > FIRST_READ
    path = await store.hold("big.safetensors", checkpoint)
    [result] = [result async for result in library.examine([path], inspection_of)]
    assert isinstance(result.outcome, InvalidFile)
    assert store.spans == [Span(0, FIRST_READ)]


async def test_a_large_lora_is_read_in_two_stretches_of_one_version(library: BlobLibrary, store: Watched) -> None:
    content = build(lora({"lora_unet_mid_block_attentions_0_proj_in": (512, 512)}, rank=128))
    assert len(content) > FIRST_READ
    path = await store.hold("ink.safetensors", content)
    [result] = [result async for result in library.examine([path], inspection_of)]
    assert isinstance(result.outcome, Inspected)
    assert store.spans == [Span(0, FIRST_READ), Span(FIRST_READ)]
    assert store.versions == {(await store.stat("ink.safetensors")).version}


async def test_a_small_lora_is_read_at_once(library: BlobLibrary, store: Watched) -> None:
    path = await store.hold("ink.safetensors", lora_bytes("ink"))
    assert await outcome_of(library, path) == lora_bytes("ink")
    assert store.spans == [Span(0, FIRST_READ)]


@pytest.mark.parametrize("changes_before", [Span(0, FIRST_READ), Span(FIRST_READ)])
@pytest.mark.parametrize(
    ("happens", "kind"), [(BlobMissing, FileMissing), (BlobChanged, FileNotReadable)], ids=["removed", "replaced"]
)
async def test_a_file_that_is_replaced_or_removed_between_two_requests_is_refused(
    library: BlobLibrary,
    store: Watched,
    changes_before: Span,
    happens: type[BlobMissing | BlobChanged],
    kind: type[FileNotReadable],
) -> None:
    path = await store.hold("ink.safetensors", bytes(2 * FIRST_READ))

    def change(span: Span) -> None:
        if span == changes_before:
            raise happens(path)

    store.before_reading = change
    outcome = await outcome_of(library, path)
    assert type(outcome) is kind
    assert outcome.path == path


@pytest.mark.parametrize("kind", [Unavailable, InvalidInput])
async def test_a_store_that_is_away_is_no_outcome_and_ends_the_other_readings(
    library: BlobLibrary, store: Watched, kind: type[Exception]
) -> None:
    paths = [await store.hold(f"{number}.safetensors", b"ink") for number in range(20)]

    def fail(_: Span) -> None:
        raise kind("the bucket does not answer")

    store.before_reading = fail
    async with aclosing(library.examine(paths, lambda _: Whole())) as results:
        with pytest.raises(kind, match="does not answer"):
            await anext(results)
    assert len(store.spans) <= WINDOW
    assert store.at_once == 0


async def test_no_more_than_a_few_are_read_at_once(library: BlobLibrary, store: Watched) -> None:
    paths = [await store.hold(f"{number}.safetensors", b"ink") for number in range(20)]
    assert len([result async for result in library.examine(paths, lambda _: Whole())]) == len(paths)
    assert 1 < store.most_at_once <= WINDOW


async def test_closing_early_ends_every_request(library: BlobLibrary, store: Watched) -> None:
    paths = [await store.hold(f"{number}.safetensors", b"ink") for number in range(20)]
    held, go_on = threading.Event(), threading.Event()

    class Slow(Whole):
        def feed(self, chunk: memoryview) -> None:
            held.set()
            go_on.wait(timeout=30)
            super().feed(chunk)

    def open_consumer(found: FoundFile) -> Whole:
        return Whole() if found.path == paths[0] else Slow()

    async with aclosing(library.examine(paths, open_consumer)) as results:
        await anext(results)
        await asyncio.to_thread(held.wait, 30)
        assert store.at_once >= 1
    go_on.set()
    assert store.at_once == 0
    assert len(store.spans) <= WINDOW


async def test_pickles_are_not_asked_for(library: BlobLibrary, store: Watched) -> None:
    outcome = await outcome_of(library, await store.hold("old.pt", b"pickle"))
    assert "pickle" in str(outcome)
    assert store.spans == []


async def test_a_folder_is_listed_by_one_request(library: BlobLibrary, store: Watched) -> None:
    for name in ("style/ink.safetensors", "style/ink.png", "style/old.pt", "style2/ink.safetensors"):
        await store.hold(name, b"ink")
    listing = await library.list(f"{library.roots[0]}/style")
    assert (len(listing.files), len(listing.refused), len(listing.companions)) == (1, 1, 1)
    assert store.listed == ["style/"]


async def test_companions_are_looked_for_among_the_names_that_begin_alike(library: BlobLibrary, store: Watched) -> None:
    await store.hold("style/ink.png", b"ink")
    assert await library.companions(f"{library.roots[0]}/style/ink.safetensors")
    assert store.listed == ["style/ink."]


async def test_a_file_replaced_while_it_is_sent_is_told_to_have_changed(library: BlobLibrary, store: Watched) -> None:
    path = await store.hold("ink.png", b"ink")

    def change(_: Span) -> None:
        raise BlobChanged(path)

    store.before_reading = change
    with pytest.raises(FileNotReadable, match="it changed while it was read"):
        await anext(library.read(path))


class Precise(Watched):
    """Lists the milliseconds of a time, which it does not tell of a single blob, as some S3 services do."""

    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        async with aclosing(super().list(prefix)) as blobs:
            async for blob in blobs:
                yield replace(blob, modified_at=self.moment.replace(microsecond=678_000))

    async def stat(self, key: str) -> Blob:
        return replace(await super().stat(key), modified_at=self.moment)


async def test_a_file_has_one_time_whether_it_is_listed_or_looked_at() -> None:
    store = Precise()
    library = BlobLibrary(store)
    found = await library.stat(await store.hold("ink.safetensors", b"ink"))
    assert (await library.list(library.roots[0])).files == [found]
    assert found.modified_ns == 1_767_323_045_000_000_000
