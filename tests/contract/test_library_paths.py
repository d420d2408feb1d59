"""Paths that lead outside a library, or try to: whatever is asked, nothing from outside is told."""

import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lora_manager.adapters.blobs.s3 import S3BlobStore, open_s3
from lora_manager.adapters.library.by_scheme import LibraryByScheme
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.domain.errors import FileMissing, FileNotReadable, InvalidFile, OutsideLibrary
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Library
from tests.contract.blob_stores import access_to, put
from tests.contract.s3_server import S3Server
from tests.library import lora_bytes
from tests.outside import INSIDE, SECRET, SECRET_LORA, House, at_call, build_house

CALLS = 12  # more than any one look at the disk takes
SWAPS = 3_000


class Whole:
    """Keeps all it is fed."""

    def __init__(self, _: FoundFile) -> None:
        self.content = b""

    def feed(self, chunk: memoryview) -> None:
        self.content += chunk

    def finish(self) -> bytes:
        return self.content


async def told_of(library: Library, path: str) -> str:
    """All that a library tells of a path, its refusals too."""
    told: list[object] = []
    try:
        told.append(library.locate(path))
    except InvalidFile as error:
        told.append(error)
    for ask in (library.stat, library.list, library.companions):
        try:
            told.append(await ask(path))
        except InvalidFile as error:
            told.append(error)
    try:
        async with aclosing(library.read(path)) as chunks:
            told.extend([chunk.decode("latin-1") async for chunk in chunks])
    except InvalidFile as error:
        told.append(error)
    async with aclosing(library.examine([path], Whole)) as results:
        told.extend([result async for result in results])
    return "\n".join(map(str, told)).replace(path, "")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


@contextmanager
def library_of(house: House) -> Iterator[LocalLibrary]:
    with closing(LocalLibrary([str(house.library), str(house.other_root)], threads=2)) as library:
        yield library


@pytest.fixture
def library(house: House) -> Iterator[LocalLibrary]:
    with library_of(house) as library:
        yield library


# Every kind of library


@dataclass(frozen=True)
class Place:
    """A library with ``ink.safetensors`` in it, beside whose root lies ``secret.safetensors``."""

    library: Library
    root: str


class Prefixed(MemoryBlobStore):
    root = "s3://bucket/loras/"


@pytest.fixture(params=("local", "memory", "s3", "local by scheme", "memory by scheme"))
async def place(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Place]:
    kind, _, by_scheme = request.param.partition(" ")
    async with AsyncExitStack() as stack:
        (house.path / "secret.safetensors").write_bytes(SECRET_LORA)
        (house.library / "ink.safetensors").write_bytes(lora_bytes(INSIDE))
        local = stack.enter_context(library_of(house))
        store: MemoryBlobStore | S3BlobStore = Prefixed()
        if kind == "s3":
            server: S3Server = request.getfixturevalue("s3_server")
            bucket = server.make_bucket()
            connection = await stack.enter_async_context(open_s3(access_to(server)))
            store = S3BlobStore(connection, bucket, "loras")
            await put(S3BlobStore(connection, bucket, ""), "secret.safetensors", SECRET_LORA)
        await put(store, "ink.safetensors", lora_bytes(INSIDE))
        remote = BlobLibrary(store)
        library: Library = LibraryByScheme(local, remote) if by_scheme else local if kind == "local" else remote
        yield Place(library, str(house.library) if kind == "local" else store.root.removesuffix("/"))


@pytest.mark.parametrize(
    "written",
    [
        "{root}/../secret.safetensors",
        "{root}/deep/../../secret.safetensors",
        "{root}/./../secret.safetensors",
        "{root}//../secret.safetensors",
        "{root}/../../../../../../etc/passwd",
        "{root}/..",
        "{root}/.../secret.safetensors",
        "{root}/..\\secret.safetensors",
        "{root}\\..\\secret.safetensors",
        "{root}/%2e%2e/secret.safetensors",
        "{root}/..%2fsecret.safetensors",
        "{root}/..;/secret.safetensors",
        "{root}/\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/secret.safetensors",
        "{root}//etc/passwd",
        "{root}/../secret.safetensors\x00.safetensors",
        "{root}/../secret.safetensors\n",
        "{root}/\ud800",
        "{root}/\udcff.safetensors",
        "{root}-other/secret.safetensors",
        "{root}secret.safetensors",
        "//{root}/../secret.safetensors",
        "file://{root}/../secret.safetensors",
        "../secret.safetensors",
        "~/secret.safetensors",
        "/etc/passwd",
        "//server/share/secret.safetensors",
        "\\\\server\\share\\secret.safetensors",
        "\\\\.\\C:\\secret.safetensors",
        "\\\\?\\C:\\secret.safetensors",
        "C:\\secret.safetensors",
        "C:secret.safetensors",
        "CON",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3://bucket/secret.safetensors",
        "s3://bucket/loras/../secret.safetensors",
        "s3://bucket/loras/%2e%2e/secret.safetensors",
        "s3://bucket/loras//secret.safetensors",
        "s3://other/loras/secret.safetensors",
        "S3://bucket/loras/../secret.safetensors",
        "s3:///loras/secret.safetensors",
        "s3://bucket@other/loras/secret.safetensors",
    ],
)
async def test_no_spelling_of_a_path_leads_outside(place: Place, written: str) -> None:
    told = await told_of(place.library, written.replace("{root}", place.root))
    assert SECRET not in told
    told.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("name", ["ink.safetensors.", "ink.safetensors ", " ink.safetensors", "INK.safetensors\t"])
async def test_a_name_is_taken_to_the_letter(place: Place, name: str) -> None:
    with pytest.raises(InvalidFile):
        await place.library.stat(f"{place.root}/{name}")


@pytest.mark.parametrize("name", ["i" * 300 + ".safetensors", "i/" * 3_000 + "ink.safetensors", "墨" * 100 + ".sft"])
async def test_a_name_that_is_too_long_is_refused_in_one_sentence(place: Place, name: str) -> None:
    path = f"{place.root}/{name}"
    told = await told_of(place.library, path)
    assert SECRET not in told
    with pytest.raises(InvalidFile):
        await place.library.stat(path)


async def test_a_path_of_a_million_folders_is_refused_unread(place: Place) -> None:
    path = place.root + "/a" * 1_000_000
    with pytest.raises(InvalidFile, match="at most 4096 characters") as refusal:
        place.library.locate(path)
    assert len(str(refusal.value)) < 200


# Links, on a local disk


def test_a_path_outside_is_refused_without_a_word_about_what_is_there(library: LocalLibrary, house: House) -> None:
    (house.path / "elsewhere").symlink_to(house.outside)
    for written in ("outside", "nothing", "elsewhere", "outside/ink.png"):
        with pytest.raises(OutsideLibrary) as refusal:
            library.locate(str(house.path / written))
        assert refusal.value.root_to_add == str(house.path / written)


def test_a_path_with_dots_is_refused_without_a_word_about_where_links_outside_lead(
    library: LocalLibrary, house: House
) -> None:
    (house.path / "elsewhere").symlink_to(house.outside / SECRET)
    with pytest.raises(OutsideLibrary) as refusal:
        library.locate(f"{house.library}/../elsewhere/ink.safetensors")
    assert SECRET not in str(refusal.value)
    assert refusal.value.root_to_add == str(house.path / "elsewhere")


LINKS: dict[str, Callable[[House], str]] = {
    "a file outside": lambda house: str(house.outside / "ink.safetensors"),
    "a folder outside": lambda house: str(house.outside),
    "a file outside, relatively": lambda _: "../outside/ink.safetensors",
    "a folder far above": lambda _: "../" * 40,
    "itself": lambda house: str(house.library / "link.safetensors"),
    "the processes": lambda _: "/proc/self/root",
    "this process's memory": lambda _: "/proc/self/environ",
    "the devices": lambda _: "/dev",
    "a device": lambda _: "/dev/zero",
    "a terminal": lambda _: "/dev/tty",
}


@pytest.mark.parametrize("target", LINKS)
async def test_a_link_that_leads_outside_tells_nothing(library: LocalLibrary, house: House, target: str) -> None:
    (house.library / "link.safetensors").symlink_to(LINKS[target](house))
    for path in ("link.safetensors", "link.safetensors/ink.safetensors", "link.safetensors/self/environ"):
        told = await told_of(library, str(house.library / path))
        assert SECRET not in told
        assert "PATH=" not in told
    listing = await library.list(str(house.library))
    assert [file.path for file in listing.files] == [str(house.lora)]


async def test_links_that_lead_to_links_that_lead_outside_tell_nothing(library: LocalLibrary, house: House) -> None:
    (house.library / "a").symlink_to("b")
    (house.library / "b").symlink_to(house.other_root / "c")
    (house.other_root / "c").symlink_to(house.outside)
    for name in ("a", "b", "a/ink.safetensors", "a/ink.png"):
        assert SECRET not in await told_of(library, str(house.library / name))


async def test_links_that_lead_from_one_root_into_another_are_followed(library: LocalLibrary, house: House) -> None:
    (house.library / "a").symlink_to("b")
    (house.library / "b").symlink_to(house.other_root)
    (house.other_root / "ink.safetensors").symlink_to(house.lora)
    path = str(house.library / "a" / "ink.safetensors")
    assert library.locate(path) == path
    assert (await library.stat(path)).size_bytes == len(lora_bytes(INSIDE))
    async with aclosing(library.read(path)) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == lora_bytes(INSIDE)


async def test_a_root_in_a_root_that_became_a_link_tells_nothing(house: House) -> None:
    inner = house.library / "deep"
    with closing(LocalLibrary([str(inner), str(house.library)])) as library:
        os.rename(inner, house.library / "aside")
        inner.symlink_to(house.path)
        for path in ("outside/ink.safetensors", "outside", "."):
            assert SECRET not in await told_of(library, f"{inner}/{path}")


async def test_a_link_in_a_circle_beside_a_file_hides_none_of_its_companions(
    library: LocalLibrary, house: House
) -> None:
    (house.folder / "ink.webp").symlink_to("ink.webp")
    expected = [str(house.folder / "ink.json"), str(house.folder / "ink.png")]
    assert list(await library.companions(str(house.lora))) == expected
    assert list((await library.list(str(house.lora))).companions[str(house.lora)]) == expected


async def test_what_is_neither_file_nor_folder_is_told_to_be(library: LocalLibrary, house: House) -> None:
    os.mkfifo(house.library / "pipe.safetensors")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(house.library / "s.safetensors"))
        listening.listen()
        for name in ("pipe.safetensors", "s.safetensors"):
            with pytest.raises(FileNotReadable, match="not a regular file"):
                await library.stat(str(house.library / name))
            with pytest.raises(FileNotReadable):
                await anext(library.read(str(house.library / name)))
        assert [file.path for file in (await library.list(str(house.library))).files] == [str(house.lora)]


async def test_a_file_is_no_folder_that_more_could_lie_in(library: LocalLibrary, house: House) -> None:
    with pytest.raises(FileMissing):
        await library.stat(f"{house.lora}/ink.safetensors")


@pytest.mark.parametrize("odd", ["ink\n.safetensors", "ink\x1b[2J.safetensors", "-rf.sft", "$(id).sft", "a'b\"c.sft"])
async def test_odd_names_are_names(library: LocalLibrary, house: House, odd: str) -> None:
    (house.library / odd).write_bytes(lora_bytes(INSIDE))
    assert library.locate(str(house.library / odd)) == str(house.library / odd)
    assert str(house.library / odd) in [file.path for file in (await library.list(str(house.library))).files]


# Folders that become links between the check and the use


@pytest.mark.parametrize("call", range(CALLS))
async def test_a_folder_that_becomes_a_link_in_the_middle_of_a_call_tells_nothing(
    library: LocalLibrary, house: House, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for path in (house.lora, house.folder, house.library, house.folder / "ink.png"):
        for ask in (library.stat, library.list, library.companions):
            with at_call(call, house.swap, monkeypatch) as calls:
                try:
                    told = str(await ask(str(path)))
                except InvalidFile as error:
                    told = str(error)
            assert SECRET not in told
            assert f"size_bytes={len(SECRET_LORA)}" not in told
            if len(calls) > call:
                asked.extend(calls)
                house.swap_back()
        with at_call(call, house.swap, monkeypatch) as calls:
            try:
                content = b"".join([chunk async for chunk in library.read(str(path))])
            except InvalidFile:
                content = b""
            outcomes = [result.outcome async for result in library.examine([str(path)], Whole)]
        assert SECRET.encode() not in content
        assert SECRET not in str(outcomes)
        if len(calls) > call:
            asked.extend(calls)
            house.swap_back()
    assert asked or call > 4  # a look at the disk takes five calls at least


async def test_a_folder_that_keeps_becoming_a_link_never_gives_a_byte_from_outside(
    library: LocalLibrary, house: House
) -> None:
    is_over = threading.Event()
    swapped = 0

    def keep_swapping() -> None:
        nonlocal swapped
        while not is_over.is_set():
            house.swap()
            house.swap_back()
            swapped += 1

    swapping = threading.Thread(target=keep_swapping)
    swapping.start()
    inside = 0
    try:
        path = str(house.lora)
        for start in range(0, SWAPS, 50):
            async with aclosing(library.examine([path] * 50, Whole)) as results:
                outcomes = [result.outcome async for result in results]
            assert SECRET_LORA not in outcomes
            inside += outcomes.count(lora_bytes(INSIDE))
            if start % 500 == 0:
                listing = await library.list(str(house.library))
                assert SECRET not in str(listing)
    finally:
        is_over.set()
        swapping.join()
    assert inside
    assert swapped


# Anything


PARTS = ("..", ".", "", "deep", "style", "ink.safetensors", "ink.png", "out", "around", "loop", "other", "outside")
ROOTS = ("{house}/library", "{house}/other", "{house}", "", "/", "//", "/proc/self/cwd", "s3://bucket")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=st.sampled_from(ROOTS), parts=st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=7))
@example(root="{house}/library", parts=["around", "..", "outside", "ink.safetensors"])
@example(root="{house}/library", parts=["out", "ink.safetensors"])
async def test_no_path_at_all_leads_outside(library: LocalLibrary, house: House, root: str, parts: list[str]) -> None:
    for link, target in (("out", house.outside), ("around", house.other_root), ("loop", house.library / "loop")):
        if not (house.library / link).is_symlink():
            (house.library / link).symlink_to(target)
    path = "/".join([root.format(house=house.path), *parts])
    assert SECRET not in await told_of(library, path)
