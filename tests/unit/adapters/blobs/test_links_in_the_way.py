"""Links in a folder of blobs, among them those that take the place of a folder in the middle of a call."""

import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.domain.blob import BlobMissing, InvalidKey, Over
from lora_manager.domain.errors import Failure, Unavailable
from tests.contract.blob_stores import chunks, content_of, keys_of, put
from tests.outside import INSIDE, SECRET, SECRET_LORA, House, at_call, build_house

CALLS = 40  # more than any one thing that is done to a blob takes
LORA = "deep/style/ink.safetensors"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return build_house(tmp_path)


@pytest.fixture
def store(house: House) -> LocalBlobStore:
    return LocalBlobStore(str(house.library))


def outside(house: House) -> dict[str, bytes]:
    """Everything outside, by name."""
    return {path.name: path.read_bytes() for path in house.outside.iterdir()}


ACTS: dict[str, Callable[[LocalBlobStore, str], Awaitable[object]]] = {
    "stat": lambda store, _: store.stat(LORA),
    "read": lambda store, _: content_of(store, LORA),
    "list": lambda store, _: keys_of(store),
    "delete": lambda store, _: store.delete(LORA),
    "put": lambda store, _: store.put("deep/style/new.png", chunks(b"new"), replacing=Over.NOTHING),
    "replace": lambda store, _: store.put(LORA, chunks(b"new")),
    "compare and swap": lambda store, version: store.put(LORA, chunks(b"new"), replacing=version),
    "put deeper": lambda store, _: store.put("deep/style/deeper/new.png", chunks(b"new")),
}


@pytest.mark.parametrize("act", ACTS)
async def test_a_folder_that_becomes_a_link_in_the_middle_of_a_call_leads_nowhere(
    tmp_path: Path, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = CALLS
    for call in range(CALLS):
        house = build_house(tmp_path / str(call))
        store = LocalBlobStore(str(house.library))
        current = await put(store, LORA, INSIDE.encode())
        before = outside(house)
        with at_call(call, house.swap, monkeypatch) as calls:
            try:
                told = str(await ACTS[act](store, current))
            except Failure as error:
                told = str(error)
        assert SECRET not in told
        assert f"size_bytes={len(SECRET_LORA)}" not in told
        assert outside(house) == before
        if len(calls) <= call:
            reached = call
            break
    assert 0 < reached < CALLS  # each of its calls had its turn


async def test_a_link_in_the_place_of_the_drafts_is_refused_and_nothing_behind_it_touched(
    store: LocalBlobStore, house: House
) -> None:
    (house.library / ".drafts").symlink_to(house.outside)
    a_month_ago = time.time() - 30 * 24 * 3600
    for path in house.outside.iterdir():
        os.utime(path, (a_month_ago, a_month_ago))
    before = outside(house)
    with pytest.raises(Unavailable, match="links are not followed"):
        await put(store, "a.png", b"a")
    with pytest.raises(Unavailable, match="links are not followed"):
        await store.delete(LORA)
    assert outside(house) == before
    assert await content_of(store, LORA) != b""


async def test_a_link_in_the_place_of_the_lock_is_refused_and_nothing_is_made_where_it_leads(
    store: LocalBlobStore, house: House
) -> None:
    (house.library / ".drafts").mkdir()
    (house.library / ".drafts" / "lock").symlink_to(house.outside / "made")
    with pytest.raises(Unavailable, match="links are not followed"):
        await put(store, "a.png", b"a")
    assert "made" not in outside(house)


async def test_what_is_no_regular_file_is_no_blob(store: LocalBlobStore, house: House) -> None:
    os.mkfifo(house.library / "pipe")
    for key in ("pipe", "deep", "first/second"):
        with pytest.raises(BlobMissing):
            await content_of(store, key)


@pytest.mark.parametrize("key", ["..", "../a", "a/../b", "./a", "a//b", "/a", "a/", "a\\b", "a\x00b", "a\nb", "\ud800"])
async def test_what_a_file_system_would_take_for_more_than_names_is_no_key(store: LocalBlobStore, key: str) -> None:
    with pytest.raises(InvalidKey):
        await put(store, key, b"")
    with pytest.raises(InvalidKey):
        await content_of(store, key)
    with pytest.raises(InvalidKey):
        await store.delete(key)
    assert not [found for found in await keys_of(store, key) if not found.startswith("deep")]


async def test_a_key_with_more_folders_than_a_path_can_have_is_refused(store: LocalBlobStore) -> None:
    with pytest.raises(InvalidKey):
        await put(store, "a/" * 600 + "a", b"")
