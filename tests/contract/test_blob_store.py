import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lora_manager.domain.blob import BlobChanged, BlobMissing, Corrupted, InvalidKey, Over, Replacing, Span
from lora_manager.domain.errors import Conflict
from tests.contract.blob_stores import (
    LARGE,
    PART,
    Kept,
    chunks,
    content_of,
    keys_of,
    local_kept,
    memory_kept,
    put,
    s3_kept,
    sha256_of,
)
from tests.contract.s3_server import S3Server

KEYS = ["ink.safetensors", "style/deep/er/ink.json", "a b+c&d=e?f#g%20h.json", "Tusche-墨-é.safetensors", ".hidden"]
BAD_KEYS = ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\\b", "a\x00b", "a\nb", "\ud800", "é" * 513]


@pytest.fixture(params=("memory", "local", "s3"))
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "memory":
        yield memory_kept()
    elif request.param == "local":
        yield local_kept(tmp_path / "blobs")
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        async with s3_kept(server) as kept:
            yield kept


class Broken(Exception):
    """What goes wrong where content comes from."""


async def breaking(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content
    raise Broken


@pytest.mark.parametrize("key", KEYS)
async def test_what_was_put_is_read_and_described(kept: Kept, key: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)

    blob = await kept.store.put(key, chunks(b"a ", b"", b"blob"), media_type="text/plain")

    assert (blob.key, blob.size_bytes, blob.sha256) == (key, 6, sha256_of(b"a blob"))
    assert before < blob.modified_at < datetime.now(UTC) + timedelta(seconds=2)
    assert await content_of(kept.store, key) == b"a blob"


@pytest.mark.parametrize("key", KEYS)
async def test_a_uri_is_the_root_and_the_key(kept: Kept, key: str) -> None:
    blob = await kept.store.put(key, chunks(b"a blob"))

    assert blob.uri == kept.store.root + key
    assert (await kept.store.stat(key)).uri == blob.uri
    assert [found.uri async for found in kept.store.list()] == [blob.uri]


async def test_stat_tells_what_put_told(kept: Kept) -> None:
    blob = await kept.store.put("a", chunks(b"a blob"))

    found = await kept.store.stat("a")

    assert (found.key, found.size_bytes, found.version) == (blob.key, blob.size_bytes, blob.version)
    assert found.sha256 in {None, blob.sha256}
    assert abs(found.modified_at - blob.modified_at) < timedelta(seconds=2)
    assert found.modified_at.tzinfo is UTC


@pytest.mark.parametrize(
    "contents",
    [
        (),
        (b"",),
        (b"x" * (PART - 1),),
        (b"x" * PART,),
        (b"x" * (PART - 1), b"y", b"z"),
        (LARGE,),
        (b"xyz" * 99_999,) * 60,
    ],
    ids=lambda contents: f"{len(contents)} chunks, {sum(map(len, contents))} bytes",
)
async def test_content_of_any_length_in_chunks_of_any_size_is_kept(kept: Kept, contents: tuple[bytes, ...]) -> None:
    whole = b"".join(contents)

    blob = await kept.store.put("a", chunks(*contents))

    assert (blob.size_bytes, blob.sha256) == (len(whole), sha256_of(whole))
    assert await content_of(kept.store, "a") == whole
    assert (await kept.store.stat("a")).version == blob.version
    assert len(kept.things()) == 1


async def test_a_blob_takes_the_place_of_one_with_the_same_key(kept: Kept) -> None:
    before = await put(kept.store, "a", b"before, and longer")

    after = await put(kept.store, "a", b"after")

    assert before != after
    assert await content_of(kept.store, "a") == b"after"
    assert len(kept.things()) == 1


@pytest.mark.parametrize("begun", [(), (b"begun",), (LARGE, LARGE)], ids=["nothing", "a little", "several parts"])
async def test_content_that_raises_leaves_nothing_behind(kept: Kept, begun: tuple[bytes, ...]) -> None:
    with pytest.raises(Broken):
        await kept.store.put("a", breaking(*begun))

    assert kept.things() == []


@pytest.mark.parametrize("begun", [(), (b"begun",), (LARGE, LARGE)], ids=["nothing", "a little", "several parts"])
async def test_content_that_is_cancelled_leaves_nothing_behind(kept: Kept, begun: tuple[bytes, ...]) -> None:
    waiting = asyncio.Event()

    async def content() -> AsyncIterator[bytes]:
        for chunk in begun:
            yield chunk
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(kept.store.put("a", content()))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert kept.things() == []


async def test_what_was_there_stays_while_content_comes_and_when_it_fails(kept: Kept) -> None:
    version = await put(kept.store, "a", b"before")
    seen: list[bytes] = []

    async def content() -> AsyncIterator[bytes]:
        yield LARGE
        seen.append(await content_of(kept.store, "a"))
        raise Broken

    with pytest.raises(Broken):
        await kept.store.put("a", content())

    assert seen == [b"before"]
    assert (await kept.store.stat("a")).version == version
    assert len(kept.things()) == 1


async def test_nobody_sees_a_part_of_what_is_being_put(kept: Kept) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield LARGE
        assert await keys_of(kept.store) == []
        with pytest.raises(BlobMissing):
            await kept.store.stat("a")
        yield b"the end"

    await kept.store.put("a", content())

    assert await keys_of(kept.store) == ["a"]


@pytest.mark.parametrize("content", [b"a blob", LARGE], ids=["small", "large"])
async def test_what_has_the_announced_digest_is_kept_and_the_digest_told(kept: Kept, content: bytes) -> None:
    blob = await kept.store.put("a", chunks(content), sha256=sha256_of(content))

    assert blob.sha256 == sha256_of(content)
    assert (await kept.store.stat("a")).sha256 in {None, blob.sha256}


@pytest.mark.parametrize("content", [b"a blob", LARGE], ids=["small", "large"])
async def test_what_has_another_digest_than_announced_leaves_nothing_behind(kept: Kept, content: bytes) -> None:
    announced = sha256_of(b"another blob")

    with pytest.raises(Corrupted, match=announced) as caught:
        await kept.store.put("a", chunks(content), sha256=announced)

    assert sha256_of(content) in str(caught.value)
    assert kept.things() == []


@pytest.mark.parametrize("content", [b"new", LARGE], ids=["small", "large"])
async def test_what_may_replace_nothing_replaces_nothing(kept: Kept, content: bytes) -> None:
    await kept.store.put("a", chunks(content), replacing=Over.NOTHING)

    with pytest.raises(BlobChanged, match="somebody wrote there") as caught:
        await kept.store.put("a", chunks(b"x", content), replacing=Over.NOTHING)

    assert kept.store.root + "a" in str(caught.value)
    assert await content_of(kept.store, "a") == content
    assert len(kept.things()) == 1


@pytest.mark.parametrize("content", [b"new", LARGE], ids=["small", "large"])
async def test_what_may_replace_one_version_replaces_that_and_no_other(kept: Kept, content: bytes) -> None:
    version = await put(kept.store, "a", b"first")

    await kept.store.put("a", chunks(content), replacing=version)
    with pytest.raises(BlobChanged):
        await kept.store.put("a", chunks(b"x", content), replacing=version)

    assert await content_of(kept.store, "a") == content
    assert len(kept.things()) == 1


@pytest.mark.parametrize("content", [b"new", LARGE], ids=["small", "large"])
async def test_what_may_replace_a_version_that_is_gone_is_refused(kept: Kept, content: bytes) -> None:
    version = await put(kept.store, "a", b"first")
    await kept.store.delete("a")

    with pytest.raises(BlobChanged):
        await kept.store.put("a", chunks(content), replacing=version)

    assert kept.things() == []


@pytest.mark.parametrize("is_there", [False, True], ids=["nothing", "the same version"])
async def test_of_several_that_may_replace_the_same_exactly_one_succeeds(kept: Kept, *, is_there: bool) -> None:
    replacing: Replacing = await put(kept.store, "a", b"first") if is_there else Over.NOTHING
    contents = [f"blob {number}".encode() * 20_000 for number in range(10)]

    outcomes = await asyncio.gather(
        *(kept.store.put("a", chunks(content), replacing=replacing) for content in contents), return_exceptions=True
    )

    winners = [index for index, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert len(winners) == 1
    assert {type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)} == {BlobChanged}
    assert await content_of(kept.store, "a") == contents[winners[0]]
    assert len(kept.things()) == 1


async def test_changes_by_compare_and_swap_lose_none(kept: Kept) -> None:
    await put(kept.store, "a", b"")

    async def append(letter: bytes) -> None:
        while True:
            blob = await kept.store.stat("a")
            try:
                content = await content_of(kept.store, "a", version=blob.version)
                await kept.store.put("a", chunks(content + letter), replacing=blob.version)
            except Conflict:
                continue
            return

    await asyncio.gather(*(append(bytes([letter])) for letter in b"abcdef"))

    assert sorted(await content_of(kept.store, "a")) == sorted(b"abcdef")


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span(), b"0123456789"),
        (Span(0, 1), b"0"),
        (Span(3), b"3456789"),
        (Span(3, 7), b"3456"),
        (Span(0, 10), b"0123456789"),
        (Span(8, 100), b"89"),
        (Span(9), b"9"),
        (Span(10), b""),
        (Span(50, 60), b""),
    ],
)
async def test_a_span_gives_its_bytes_and_fewer_where_the_blob_ends_before(
    kept: Kept, span: Span, expected: bytes
) -> None:
    version = await put(kept.store, "a", b"0123456789")

    assert await content_of(kept.store, "a", span) == expected
    assert await content_of(kept.store, "a", span, version=version) == expected


async def test_a_span_in_the_midst_of_a_large_blob_gives_its_bytes(kept: Kept) -> None:
    await put(kept.store, "a", LARGE)

    assert await content_of(kept.store, "a", Span(PART - 5, PART + 3_000_000)) == LARGE[PART - 5 : PART + 3_000_000]


@pytest.mark.parametrize("span", [Span(), Span(0, 5), Span(3)])
async def test_an_empty_blob_has_no_bytes(kept: Kept, span: Span) -> None:
    version = await put(kept.store, "a", b"")

    assert await content_of(kept.store, "a", span, version=version) == b""


@pytest.mark.parametrize("span", [Span(), Span(2, 4), Span(50)])
async def test_another_version_is_not_read(kept: Kept, span: Span) -> None:
    version = await put(kept.store, "a", b"before")
    await put(kept.store, "a", b"behind")

    with pytest.raises(BlobChanged):
        await content_of(kept.store, "a", span, version=version)


async def test_what_is_read_is_one_version_from_its_beginning_to_its_end(kept: Kept) -> None:
    await put(kept.store, "a", LARGE)
    other = bytes(reversed(LARGE))
    received = b""

    try:
        async for chunk in kept.store.read("a"):
            if not received:
                await put(kept.store, "a", other)
            received += chunk
    except BlobChanged:
        return  # as good: what came is known to be no whole blob

    assert received == LARGE


async def test_versions_of_quick_changes_differ(kept: Kept) -> None:
    versions = [await put(kept.store, "a", str(number).encode()) for number in range(10)]

    assert len(set(versions)) == 10


@pytest.mark.parametrize("version", [None, "1"])
async def test_what_is_not_there_is_missing(kept: Kept, version: str | None) -> None:
    await put(kept.store, "folder/a", b"")

    for key in ("b", "folder", "folder/b"):
        with pytest.raises(BlobMissing, match=key):
            await content_of(kept.store, key, version=version)
        with pytest.raises(BlobMissing, match=key):
            await kept.store.stat(key)


async def test_a_deleted_blob_is_gone_and_deleting_it_again_is_as_good(kept: Kept) -> None:
    await put(kept.store, "folder/a", b"a")
    await put(kept.store, "folder/b", b"b")

    await kept.store.delete("folder/a")
    await kept.store.delete("folder/a")
    await kept.store.delete("another/c")

    assert await keys_of(kept.store) == ["folder/b"]
    with pytest.raises(BlobMissing):
        await kept.store.stat("folder/a")


async def test_a_list_holds_every_key_with_the_prefix_by_code_point(kept: Kept) -> None:
    keys = ["a", "a.b", "a b/c", "aa/b", "ab", "b/a/c", "b/a.c", "b/é", "b/z", "b/\U0001f5a4", "b/\uffee", "B"]
    for key in keys:
        await put(kept.store, key, key.encode())

    assert await keys_of(kept.store) == sorted(keys)
    for prefix in (
        "a",
        "a.",
        "aa/",
        "b",
        "b/",
        "b/a",
        "b/a/",
        "b/a/c",
        "é",
        "b//",
        "../",
        "/",
        "\x00",
        "b/\ud800",
        ".",
    ):
        assert await keys_of(kept.store, prefix) == sorted(key for key in keys if key.startswith(prefix))


async def test_a_list_tells_of_each_blob_what_stat_tells(kept: Kept) -> None:
    for key in ("a", "b/c"):
        await put(kept.store, key, key.encode() * 3)

    listed = [blob async for blob in kept.store.list()]

    for blob in listed:
        found = await kept.store.stat(blob.key)
        assert (blob.uri, blob.size_bytes, blob.version) == (found.uri, found.size_bytes, found.version)
        assert abs(blob.modified_at - found.modified_at) < timedelta(seconds=1)
        assert blob.sha256 in {None, found.sha256}


async def test_an_empty_store_lists_nothing(kept: Kept) -> None:
    assert await keys_of(kept.store) == []
    assert await keys_of(kept.store, "folder/") == []


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_no_method_takes_a_key_that_not_every_store_can_keep(kept: Kept, key: str) -> None:
    with pytest.raises(InvalidKey):
        await kept.store.put(key, chunks(b""))
    with pytest.raises(InvalidKey):
        await content_of(kept.store, key)
    with pytest.raises(InvalidKey):
        await kept.store.stat(key)
    with pytest.raises(InvalidKey):
        await kept.store.delete(key)
    with pytest.raises(InvalidKey):
        await kept.store.presign(key, timedelta(minutes=1))

    assert kept.things() == []
