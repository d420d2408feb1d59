import asyncio
import errno
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.blobs.locking import locked
from lora_manager.domain.blob import BlobChanged, BlobMissing, InvalidKey, Over, Span
from lora_manager.domain.errors import Unavailable
from tests.contract.blob_stores import chunks, content_of, keys_of, put
from tests.permissions import folder_for_anyone, unprivileged


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(folder: Path) -> LocalBlobStore:
    return LocalBlobStore(str(folder))


def refuse_with(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


async def test_a_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    blob = await LocalBlobStore("blobs").put("style/a.png", chunks(b"a"))

    assert blob.uri == str(tmp_path / "blobs" / "style" / "a.png")


async def test_keys_are_paths_below_the_folder(store: LocalBlobStore, folder: Path) -> None:
    await put(store, "style/ink.json", b"{}")

    assert (folder / "style" / "ink.json").read_bytes() == b"{}"


async def test_files_that_others_put_there_are_blobs(store: LocalBlobStore, folder: Path) -> None:
    (folder / "style").mkdir(parents=True)
    (folder / "style" / "ink.json").write_bytes(b"{}")
    (folder / "style" / "back\\slash").write_bytes(b"no key")
    os.mkfifo(folder / "pipe")

    assert await keys_of(store) == ["style/ink.json"]
    assert await content_of(store, "style/ink.json") == b"{}"
    with pytest.raises(BlobMissing):
        await store.stat("pipe")


async def test_no_address_is_given_out(store: LocalBlobStore) -> None:
    await put(store, "a", b"")

    assert await store.presign("a", timedelta(hours=1)) is None


async def test_what_is_written_in_place_gets_another_version(store: LocalBlobStore, folder: Path) -> None:
    version = await put(store, "a", b"before")

    with (folder / "a").open("ab") as file:
        file.write(b" and after")

    with pytest.raises(BlobChanged):
        await store.put("a", chunks(b"new"), replacing=version)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space, or point FILES_DIR"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "input/output error"),
        (errno.ENOLCK, os.strerror(errno.ENOLCK)),
    ],
)
async def test_a_disk_that_fails_is_unavailable_and_keeps_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    store = LocalBlobStore(str(folder), setting="FILES_DIR")
    await put(store, "style/a.png", b"before")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse_with(number))
        with pytest.raises(Unavailable, match=words) as caught:
            await put(store, "style/a.png", b"after")

    assert str(folder / "style" / "a.png") in str(caught.value)
    assert await content_of(store, "style/a.png") == b"before"
    assert os.listdir(folder / "style") == ["a.png"]
    assert os.listdir(folder / ".drafts") == ["lock"]


async def test_a_folder_that_may_not_be_written_is_unavailable_and_named() -> None:
    with folder_for_anyone() as folder:
        closed = folder / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        with unprivileged(), pytest.raises(Unavailable, match="DATA_DIR") as caught:
            await put(LocalBlobStore(str(closed)), "a.png", b"a")

    assert str(closed) in str(caught.value)


async def test_a_file_that_may_not_be_read_is_unavailable_and_named() -> None:
    with folder_for_anyone() as folder:
        (folder / "a.png").write_bytes(b"a")
        (folder / "a.png").chmod(0o000)
        with unprivileged(), pytest.raises(Unavailable, match="permission denied") as caught:
            await content_of(LocalBlobStore(str(folder)), "a.png")

    assert str(folder / "a.png") in str(caught.value)


async def test_a_file_in_the_place_of_the_folder_is_named(folder: Path, store: LocalBlobStore) -> None:
    os.close(os.open(folder, os.O_CREAT))

    with pytest.raises(Unavailable, match="blobs"):
        await put(store, "a.png", b"a")


async def test_a_key_that_a_file_system_cannot_have_beside_another_is_refused(store: LocalBlobStore) -> None:
    await put(store, "a/b", b"")

    for key in ("a", "a/b/c"):
        for replacing in (Over.ANYTHING, Over.NOTHING):
            with pytest.raises((InvalidKey, BlobChanged)):
                await store.put(key, chunks(b""), replacing=replacing)

    assert await keys_of(store) == ["a/b"]


async def test_a_name_that_is_too_long_for_the_file_system_is_refused(store: LocalBlobStore) -> None:
    with pytest.raises(InvalidKey, match="longer than the file system allows"):
        await put(store, "a" * 256, b"")


async def test_a_name_as_long_as_the_file_system_allows_is_kept(store: LocalBlobStore) -> None:
    await put(store, "a" * 255, b"")

    assert await keys_of(store) == ["a" * 255]


async def test_the_folder_of_drafts_holds_no_blobs(store: LocalBlobStore, folder: Path) -> None:
    await put(store, "a", b"")
    (folder / ".drafts" / "b").write_bytes(b"")

    assert await keys_of(store) == ["a"]
    assert await keys_of(store, ".drafts/") == []
    with pytest.raises(InvalidKey):
        await store.stat(".drafts/b")


async def test_a_draft_does_not_look_like_a_model(store: LocalBlobStore, folder: Path) -> None:
    names: list[str] = []

    async def content() -> AsyncIterator[bytes]:
        yield b"x" * (2 << 20)
        names.extend(os.listdir(folder / ".drafts"))

    await store.put("a.safetensors", content())

    assert len(names) == 1
    assert names[0].startswith(".")
    assert not names[0].endswith(".safetensors")


async def test_drafts_that_nobody_wrote_to_for_a_day_are_removed(store: LocalBlobStore, folder: Path) -> None:
    (folder / ".drafts").mkdir(parents=True)
    for name, hours in ((".old", 25), (".new", 23), ("lock", 999)):
        (folder / ".drafts" / name).write_bytes(b"")
        then = time.time() - hours * 3600
        os.utime(folder / ".drafts" / name, (then, then))

    await put(store, "a", b"")

    assert sorted(os.listdir(folder / ".drafts")) == [".new", "lock"]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"a secret")
    return outside


async def test_a_link_to_a_file_is_no_blob(store: LocalBlobStore, folder: Path, outside: Path) -> None:
    await put(store, "there", b"a blob")
    (folder / "link").symlink_to(outside / "secret")
    (folder / "inside").symlink_to(folder / "there")
    (folder / "nowhere").symlink_to(outside / "nothing")

    assert await keys_of(store) == ["there"]
    for key in ("link", "inside", "nowhere"):
        with pytest.raises(InvalidKey, match="a link stands in its way"):
            await store.stat(key)
        with pytest.raises(InvalidKey, match="a link stands in its way"):
            await content_of(store, key, Span(0, 1))


async def test_a_link_to_a_folder_leads_nowhere(store: LocalBlobStore, folder: Path, outside: Path) -> None:
    await put(store, "there", b"a blob")
    (folder / "way").symlink_to(outside)

    assert await keys_of(store) == ["there"]
    assert await keys_of(store, "way/") == []
    with pytest.raises(InvalidKey):
        await content_of(store, "way/secret")
    with pytest.raises(InvalidKey):
        await store.delete("way/secret")
    for key in ("way/new", "way/secret", "way/deeper/new"):
        with pytest.raises(InvalidKey):
            await put(store, key, b"from inside")

    assert (outside / "secret").read_bytes() == b"a secret"
    assert os.listdir(outside) == ["secret"]


async def test_a_blob_takes_the_place_of_a_link_and_not_of_where_it_leads(
    store: LocalBlobStore, folder: Path, outside: Path
) -> None:
    os.mkdir(folder)
    (folder / "link").symlink_to(outside / "secret")

    await put(store, "link", b"a blob")

    assert await content_of(store, "link") == b"a blob"
    assert (outside / "secret").read_bytes() == b"a secret"


async def test_deleting_a_link_leaves_where_it_leads(store: LocalBlobStore, folder: Path, outside: Path) -> None:
    os.mkdir(folder)
    (folder / "link").symlink_to(outside / "secret")

    await store.delete("link")

    assert os.listdir(folder) == [".drafts"]
    assert (outside / "secret").read_bytes() == b"a secret"


async def test_the_folder_itself_may_be_a_link(tmp_path: Path, outside: Path) -> None:
    (tmp_path / "way").symlink_to(outside)
    store = LocalBlobStore(str(tmp_path / "way"))

    await put(store, "style/a", b"a")

    assert await keys_of(store) == ["secret", "style/a"]
    assert (await store.stat("style/a")).uri == str(tmp_path / "way" / "style" / "a")


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
async def test_a_file_system_without_hard_links_replaces_nothing_either(
    store: LocalBlobStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "link", refuse_with(number))

    await store.put("a", chunks(b"first"), replacing=Over.NOTHING)
    with pytest.raises(BlobChanged):
        await store.put("a", chunks(b"second"), replacing=Over.NOTHING)

    assert await content_of(store, "a") == b"first"


APPEND = """
import asyncio, sys
from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.domain.blob import BlobChanged

async def chunks(content):
    yield content

async def main(folder, letter):
    store = LocalBlobStore(folder)
    for _ in range(20):
        while True:
            blob = await store.stat("a")
            try:
                content = b"".join([chunk async for chunk in store.read("a", version=blob.version)])
                await store.put("a", chunks(content + letter.encode()), replacing=blob.version)
                break
            except BlobChanged:
                pass

asyncio.run(main(*sys.argv[1:]))
"""


async def test_changes_of_several_processes_by_compare_and_swap_lose_none(store: LocalBlobStore, folder: Path) -> None:
    await put(store, "a", b"")

    command = [sys.executable, "-c", APPEND, str(folder)]
    processes = [await asyncio.create_subprocess_exec(*command, letter) for letter in "xyz"]
    codes = [await process.wait() for process in processes]

    assert codes == [0, 0, 0]
    assert sorted(await content_of(store, "a")) == sorted(b"xyz" * 20)


async def test_whoever_changes_something_waits_for_the_lock(store: LocalBlobStore, folder: Path) -> None:
    await put(store, "a", b"before")

    with locked(str(folder / ".drafts" / "lock")):
        changing = [asyncio.create_task(put(store, "a", b"after")), asyncio.create_task(store.delete("b"))]
        done, _ = await asyncio.wait([changing[1]])
        assert await content_of(store, "a") == b"before"
        assert not changing[0].done()
    await changing[0]

    assert done == {changing[1]}  # there is nothing to delete, hence nothing to wait for
    assert await content_of(store, "a") == b"after"
