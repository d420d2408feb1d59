"""Files on local disks: looked at, listed and read."""

import asyncio
import ctypes
import mmap
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from lora_manager.adapters.library.local import BATCH, MANY, WINDOW, LocalLibrary
from lora_manager.adapters.library.reading import CHUNK, FIRST_READ
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.domain.errors import FileMissing, FileNotReadable, InvalidFile, OutsideLibrary
from lora_manager.domain.scan import FoundFile
from tests.library import write_endless_lora, write_lora
from tests.permissions import folder_for_anyone, unprivileged


class Whole:
    """Keeps all it is fed."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def feed(self, chunk: memoryview) -> None:
        self.chunks.append(bytes(chunk))

    def finish(self) -> bytes:
        return b"".join(self.chunks)


class Probe(Whole):
    """Does something before each chunk it takes."""

    def __init__(self, before: Callable[[], object]) -> None:
        super().__init__()
        self._before = before

    def feed(self, chunk: memoryview) -> None:
        self._before()
        super().feed(chunk)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalLibrary]:
    with closing(LocalLibrary([str(tmp_path)], threads=2)) as store:
        yield store


async def read(
    store: LocalLibrary, paths: Sequence[Path], consumer: Callable[[FoundFile], Whole] = lambda _: Whole()
) -> list[bytes | str]:
    """What came of each path: its bytes, or the reason against it."""
    async with aclosing(store.examine([str(path) for path in paths], consumer)) as results:
        return [
            str(result.outcome) if isinstance(result.outcome, InvalidFile) else result.outcome
            async for result in results
        ]


async def test_every_file_is_read_from_first_byte_to_last_in_the_order_of_the_paths(
    store: LocalLibrary, tmp_path: Path
) -> None:
    sizes = [3, 0, FIRST_READ, FIRST_READ + 1, FIRST_READ + CHUNK, FIRST_READ + 2 * CHUNK + 17, *[1] * WINDOW]
    contents = [os.urandom(size) for size in sizes]
    paths = [tmp_path / f"{place}.safetensors" for place in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    assert await read(store, paths) == contents


async def test_chunks_lie_in_memory_as_they_do_in_the_system_s_pages(store: LocalLibrary, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(bytes(FIRST_READ + CHUNK))
    places: list[int] = []

    class Places(Whole):
        def feed(self, chunk: memoryview) -> None:
            places.append(ctypes.addressof(ctypes.c_char.from_buffer(chunk)) % mmap.PAGESIZE)

    await read(store, [path], lambda _: Places())
    assert places == [0, 0]


async def test_a_result_carries_the_file_as_it_was_opened(store: LocalLibrary, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    async with aclosing(store.examine([str(path)], lambda _: Whole())) as results:
        assert [result.found async for result in results] == [FoundFile(str(path), 5, 1_700_000_000_123_456_789)]


async def test_a_file_that_cannot_be_read_does_not_hold_up_the_others(store: LocalLibrary, tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").write_bytes(b"ink")
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    names = ["gone.safetensors", "folder.safetensors", "pipe.safetensors", "loop.safetensors", "a.pt"]
    outcomes = await read(store, [tmp_path / name for name in [*names, "ink.safetensors"]])
    assert [str(outcome).removeprefix(f"{tmp_path}/") for outcome in outcomes[:4]] == [
        "gone.safetensors: there is no such file",
        "folder.safetensors: a folder, not a file",
        "pipe.safetensors: not a regular file",
        "loop.safetensors: a link that leads in a circle",
    ]
    assert "pickle" in str(outcomes[4])
    assert outcomes[5] == b"ink"


async def test_a_file_without_permission_is_refused_with_what_to_do() -> None:
    with folder_for_anyone() as folder, closing(LocalLibrary([str(folder)])) as store:
        (folder / "ink.safetensors").touch(mode=0o000)
        with unprivileged():
            [outcome] = await read(store, [folder / "ink.safetensors"])
        assert "permission denied; let the user that runs the service read it" in str(outcome)


async def test_refused_files_leave_no_open_descriptor(store: LocalLibrary, tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    paths = [tmp_path / "folder.safetensors", tmp_path / "pipe.safetensors"]
    await read(store, paths)
    before = len(os.listdir("/dev/fd"))
    await read(store, paths * 10)
    assert len(os.listdir("/dev/fd")) == before


async def test_a_file_that_grows_while_it_is_read_is_refused(store: LocalLibrary, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(bytes(FIRST_READ + 1))

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"more")

    [outcome] = await read(store, [path], lambda _: Probe(grow))
    assert "it changed while it was read" in str(outcome)


async def test_a_file_that_shrinks_while_it_is_read_is_refused(store: LocalLibrary, tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(bytes(FIRST_READ + 1))
    [outcome] = await read(store, [path], lambda _: Probe(lambda: os.truncate(path, 0)))
    assert "it changed while it was read" in str(outcome)


async def test_a_consumer_that_refuses_ends_the_reading_of_its_file_only(store: LocalLibrary, tmp_path: Path) -> None:
    fed: list[int] = []

    class Refuses(Whole):
        def feed(self, chunk: memoryview) -> None:
            fed.append(len(chunk))
            raise InvalidFile("no LoRA")

    big, small = tmp_path / "big.safetensors", tmp_path / "small.safetensors"
    big.write_bytes(bytes(FIRST_READ + CHUNK))
    small.write_bytes(b"ink")
    outcomes = await read(store, [big, small], lambda found: Whole() if found.size_bytes == 3 else Refuses())
    assert outcomes == ["no LoRA", b"ink"]
    assert fed == [FIRST_READ]


async def test_a_fault_of_a_consumer_is_raised_not_reported(store: LocalLibrary, tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    (tmp_path / "ink.safetensors").write_bytes(b"ink")
    with pytest.raises(ZeroDivisionError):
        await read(store, [tmp_path / "ink.safetensors"], lambda _: Probe(fail))


async def test_files_are_read_several_at_a_time(store: LocalLibrary, tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=30)
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        path.write_bytes(b"ink")
    assert await read(store, paths, lambda _: Probe(both.wait)) == [b"ink", b"ink"]


async def test_a_file_is_looked_at_and_sent_while_every_reader_is_busy(store: LocalLibrary, tmp_path: Path) -> None:
    go_on = threading.Event()
    paths = [tmp_path / f"{place}.safetensors" for place in range(WINDOW)]
    for path in paths:
        path.write_bytes(b"ink")
    busy = asyncio.ensure_future(read(store, paths, lambda _: Probe(lambda: go_on.wait(timeout=30))))
    async with asyncio.timeout(20):
        assert (await store.stat(str(paths[0]))).size_bytes == 3
        assert [chunk async for chunk in store.read(str(paths[0]))] == [b"ink"]
        assert len((await store.list(str(tmp_path))).files) == WINDOW
        assert await store.companions(str(paths[0])) == ()
    go_on.set()
    assert await busy == [b"ink"] * WINDOW


async def test_closing_early_stops_the_reading_of_what_was_begun(store: LocalLibrary, tmp_path: Path) -> None:
    paths = [tmp_path / f"{place:03}.safetensors" for place in range(2 * WINDOW)]
    for path in paths:
        path.touch()
        os.truncate(path, FIRST_READ + 3 * CHUNK)
    opened: list[str] = []
    chunks: list[int] = []
    may_go_on = threading.Event()

    class Slow(Whole):
        """Waits in every file but the first."""

        def __init__(self, found: FoundFile) -> None:
            super().__init__()
            self._waits = found.path != str(paths[0])
            opened.append(found.path)

        def feed(self, chunk: memoryview) -> None:
            if self._waits:
                chunks.append(len(chunk))
                may_go_on.wait(timeout=30)

    async with aclosing(store.examine([str(path) for path in paths], Slow)) as results:
        await anext(results)
    may_go_on.set()
    store.close()
    assert len(opened) <= 3  # the first, and one more for each of the two threads
    assert len(chunks) <= 2  # each of which had got no further than its first piece


async def test_closing_early_ends_processes_in_the_middle_of_a_file_and_makes_no_words_about_it(
    store: LocalLibrary, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    small = [str(write_lora(tmp_path / f"{place:02}.safetensors", str(place))) for place in range(BATCH)]
    endless = str(write_endless_lora(tmp_path / "endless.safetensors"))
    async with aclosing(store.examine([*small, *[endless] * MANY], inspection_of)) as results:
        await anext(results)
    store.close()
    assert caplog.messages == []


async def test_a_link_that_leads_outside_is_not_followed(tmp_path: Path) -> None:
    library, outside = tmp_path / "library", tmp_path / "secret.safetensors"
    library.mkdir()
    outside.write_bytes(b"secret")
    link = library / "ink.safetensors"
    link.symlink_to(outside)
    with closing(LocalLibrary([str(library)])) as store:
        [outcome] = await read(store, [link])
    assert "outside the library roots" in str(outcome)


async def test_stat_tells_size_and_time_of_a_regular_file_and_nothing_of_others(
    store: LocalLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert await store.stat(str(path)) == FoundFile(str(path), 5, 1_700_000_000_123_456_789)
    with pytest.raises(FileMissing):
        await store.stat(str(tmp_path / "gone.safetensors"))
    with pytest.raises(FileNotReadable, match="not a regular file"):
        await store.stat(str(tmp_path))
    with pytest.raises(OutsideLibrary):
        await store.stat("/etc/passwd")


async def test_a_listing_is_ordered_by_path_whatever_the_file_system_does(store: LocalLibrary, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.safetensors", "a.safetensors", "b/z.safetensors", "d.pt", "b/a.ckpt"):
        (tmp_path / name).touch()
    listing = await store.list(str(tmp_path))
    assert [file.path.removeprefix(f"{tmp_path}/") for file in listing.files] == [
        "a.safetensors",
        "b/z.safetensors",
        "c.safetensors",
    ]
    assert [file.path.removeprefix(f"{tmp_path}/") for file in listing.refused] == ["b/a.ckpt", "d.pt"]


async def test_closing_early_closes_the_file(store: LocalLibrary, tmp_path: Path) -> None:
    path = tmp_path / "ink.png"
    path.write_bytes(bytes(3 * CHUNK))
    before = len(os.listdir("/dev/fd"))
    async with aclosing(store.read(str(path))) as chunks:
        await anext(chunks)
        assert len(os.listdir("/dev/fd")) == before + 1
    assert len(os.listdir("/dev/fd")) == before


async def test_a_reader_that_is_cancelled_closes_the_file_once_the_thread_has_let_go_of_it(
    store: LocalLibrary, tmp_path: Path
) -> None:
    path = tmp_path / "ink.png"
    path.write_bytes(b"ink")
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        first = asyncio.ensure_future(anext(store.read(str(path))))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    store.close()
    assert len(os.listdir("/dev/fd")) == before


async def test_a_link_that_comes_to_lead_outside_is_not_read(tmp_path: Path) -> None:
    library, outside = tmp_path / "library", tmp_path / "secret"
    library.mkdir()
    outside.write_bytes(b"secret")
    (library / "ink.png").symlink_to(outside)
    with closing(LocalLibrary([str(library)])) as store, pytest.raises(OutsideLibrary):
        await anext(store.read(str(library / "ink.png")))


async def test_a_pipe_is_not_waited_for(store: LocalLibrary, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ink.png")
    with pytest.raises(FileNotReadable, match="not a regular file"):
        await anext(store.read(str(tmp_path / "ink.png")))


def rewrite(path: Path) -> None:
    path.write_bytes(bytes(3 * CHUNK))


def put_another_in_its_place(path: Path) -> None:
    status = path.stat()
    other = path.with_suffix(".new")
    rewrite(other)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, CHUNK)


@pytest.mark.parametrize("change", [rewrite, put_another_in_its_place, append, truncate, Path.unlink])
async def test_a_file_that_is_changed_while_it_is_read_gives_no_bytes_of_another(
    store: LocalLibrary, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "ink.png"
    path.write_bytes(b"\1" * 3 * CHUNK)
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    received = []
    with pytest.raises(FileNotReadable):  # noqa: PT012  # the error may come with any chunk after the change
        async for chunk in store.read(str(path)):
            received.append(chunk)
            if len(received) == 1:
                change(path)
    assert set(b"".join(received)) == {1}
