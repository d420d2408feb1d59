"""Documents are published where others read them, and an older one never takes the place of a newer."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from moto.s3.responses import S3Response

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, open_s3
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.adapters.sinks.blob import ATTEMPTS, MAX_BYTES, BlobMetadataSink
from lora_manager.domain.blob import WHOLE, Blob, BlobChanged, Over, Replacing, Span
from lora_manager.domain.errors import Conflict, Failure, InvalidInput, Unavailable
from lora_manager.domain.fields import MAX_TRIGGERS, TEXT_LIMITS
from lora_manager.domain.media_types import ANY_TYPE
from lora_manager.domain.metadata import metadata_document, revision_of
from lora_manager.domain.trigger import Trigger
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.metadata_sink import MetadataSink, PublishedDocument, Superseded
from tests.contract.examples import a_lora, new_id
from tests.contract.s3_server import S3Server

LORA = new_id()
KEY = f"{LORA}.json"

Meddling = Callable[[], Awaitable[object]]


class WatchedStore(BlobStore):
    """Counts what is asked of a store and what is written there, and lets others in just before."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self.requests: list[str] = []
        self.written: Counter[str] = Counter()
        self.media_types: set[str] = set()
        self.meddling: dict[str, Meddling] = {}
        """What happens just before each request of a kind."""

    @property
    def root(self) -> str:
        return self._store.root

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        media_type: str = ANY_TYPE,
        replacing: Replacing = Over.ANYTHING,
        sha256: str | None = None,
    ) -> Blob:
        await self._begin("put")
        blob = await self._store.put(key, content, media_type=media_type, replacing=replacing, sha256=sha256)
        self.written[key] += 1
        self.media_types.add(media_type)
        return blob

    async def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        await self._begin("read")
        async with aclosing(self._store.read(key, span, version=version)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def stat(self, key: str) -> Blob:
        await self._begin("stat")
        return await self._store.stat(key)

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        await self._begin("list")
        async with aclosing(self._store.list(prefix)) as blobs:
            async for blob in blobs:
                yield blob

    async def delete(self, key: str) -> None:
        await self._begin("delete")
        await self._store.delete(key)

    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        return await self._store.presign(key, lifetime)

    async def overwrite(self, content: bytes, key: str = KEY) -> Blob:
        """Put something there behind the sink."""
        return await self._store.put(key, _chunks(content))

    async def remove(self) -> None:
        """Take the document away behind the sink."""
        await self._store.delete(KEY)

    async def content(self) -> bytes:
        """What others read."""
        return b"".join([chunk async for chunk in self._store.read(KEY)])

    async def _begin(self, request: str) -> None:
        self.requests.append(request)
        if request in self.meddling:
            await self.meddling[request]()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture(params=("memory", "local", "s3"))
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[WatchedStore]:
    if request.param == "memory":
        yield WatchedStore(MemoryBlobStore())
    elif request.param == "local":
        yield WatchedStore(LocalBlobStore(str(tmp_path / "metadata")))
    else:
        _let_moto_compare_and_swap(monkeypatch)
        server: S3Server = request.getfixturevalue("s3_server")
        access = S3Access(
            endpoint=server.url,
            region=server.region,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
        )
        async with open_s3(access) as connection:
            yield WatchedStore(S3BlobStore(connection, server.make_bucket(), "metadata/"))


def _let_moto_compare_and_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon compares and stores in one step; moto does so in two, between which another thread may come."""
    put_object, lock = S3Response.put_object, threading.Lock()

    def put_object_alone(response: S3Response) -> Any:  # noqa: ANN401  # whatever moto answers
        with lock:
            return put_object(response)

    monkeypatch.setattr(S3Response, "put_object", put_object_alone)


@pytest.fixture
def sink(store: WatchedStore) -> BlobMetadataSink:
    return BlobMetadataSink(store)


def document(revision: int, title: str = "Ink") -> bytes:
    return metadata_document(a_lora(id=LORA, revision=revision, title=title))


async def test_a_published_document_is_there_byte_for_byte(store: WatchedStore, sink: BlobMetadataSink) -> None:
    published = await sink.publish(LORA, document(1), 1)
    assert await store.content() == document(1)
    blob = await store.stat(KEY)
    assert published == PublishedDocument(LORA, blob.uri, blob.version)
    assert store.media_types == {"application/json"}


async def test_the_first_document_takes_one_request(store: WatchedStore, sink: BlobMetadataSink) -> None:
    await sink.publish(LORA, document(1), 1)
    assert store.requests == ["put"]


async def test_one_that_replaces_a_known_version_takes_one_request(store: WatchedStore, sink: BlobMetadataSink) -> None:
    before = await sink.publish(LORA, document(1), 1)
    after = await sink.publish(LORA, document(2), 2, before.version)
    assert store.requests == ["put"] * 2
    assert await store.content() == document(2)
    assert (after.uri, after.version != before.version) == (before.uri, True)


@pytest.mark.parametrize("known", [None, "the version before"])
async def test_an_earlier_revision_is_replaced_whatever_is_known_of_it(
    store: WatchedStore, sink: BlobMetadataSink, known: str | None
) -> None:
    before = await sink.publish(LORA, document(1), 1)
    await sink.publish(LORA, document(2), 2, before.version)
    await sink.publish(LORA, document(3), 3, None if known is None else before.version)
    assert await store.content() == document(3)


async def test_other_bytes_of_the_same_revision_are_replaced(store: WatchedStore, sink: BlobMetadataSink) -> None:
    await sink.publish(LORA, document(1, "theirs"), 1)
    await sink.publish(LORA, document(1, "ours"), 1)
    assert await store.content() == document(1, "ours")


@pytest.mark.parametrize("known", [None, "the version before"])
async def test_a_later_revision_is_never_replaced(
    store: WatchedStore, sink: BlobMetadataSink, known: str | None
) -> None:
    before = await sink.publish(LORA, document(1), 1)
    after = await sink.publish(LORA, document(7), 7, before.version)
    with pytest.raises(Superseded) as refused:
        await sink.publish(LORA, document(6), 6, None if known is None else before.version)
    assert (refused.value.uri, refused.value.published, refused.value.refused) == (after.uri, 7, 6)
    assert await store.content() == document(7)


@pytest.mark.parametrize("known", [None, "the version before"])
async def test_what_is_there_byte_for_byte_is_not_written_again(
    store: WatchedStore, sink: BlobMetadataSink, known: str | None
) -> None:
    before = await sink.publish(LORA, document(1), 1)
    after = await sink.publish(LORA, document(2), 2, before.version)
    again = await sink.publish(LORA, document(2), 2, None if known is None else before.version)
    assert again == after
    assert store.written == {KEY: 2}


@pytest.mark.parametrize(
    "content", [b"", b"no document", b'{"revision": "9"}', b'{"revision": 9' + b" " * MAX_BYTES + b"}"]
)
async def test_what_is_no_document_of_ours_is_replaced(
    store: WatchedStore, sink: BlobMetadataSink, content: bytes
) -> None:
    await store.overwrite(content)
    await sink.publish(LORA, document(1), 1)
    assert await store.content() == document(1)


async def test_what_is_too_large_for_a_document_is_not_read(store: WatchedStore, sink: BlobMetadataSink) -> None:
    await store.overwrite(b" " * (MAX_BYTES + 1))
    await sink.publish(LORA, document(1), 1)
    assert "read" not in store.requests


async def test_the_largest_document_is_known_for_what_it_is(sink: BlobMetadataSink) -> None:
    largest = a_lora(
        id=LORA,
        revision=2,
        title="\x01" * TEXT_LIMITS["title"],
        description="\x01" * TEXT_LIMITS["description"],
        tags=tuple(f"{number:02}" + "\U0001f58b" * 98 for number in range(100)),
        triggers=(Trigger("\U0001f58b" * 1_000, "\U0001f58b" * 100),) * MAX_TRIGGERS,
    )
    await sink.publish(LORA, metadata_document(largest), 2)
    with pytest.raises(Superseded):
        await sink.publish(LORA, document(1), 1)


async def test_a_document_that_is_gone_is_published_again(store: WatchedStore, sink: BlobMetadataSink) -> None:
    before = await sink.publish(LORA, document(1), 1)
    await store.remove()
    await sink.publish(LORA, document(2), 2, before.version)
    assert await store.content() == document(2)


@pytest.mark.parametrize("moment", ["stat", "read"])
async def test_a_document_that_goes_while_it_is_looked_at_is_published_again(
    store: WatchedStore, sink: BlobMetadataSink, moment: str
) -> None:
    await store.overwrite(document(1))
    store.meddling[moment] = store.remove
    await sink.publish(LORA, document(2), 2)
    assert await store.content() == document(2)


@pytest.mark.parametrize("moment", ["stat", "read"])
async def test_a_later_revision_that_comes_while_the_document_is_looked_at_stays(
    store: WatchedStore, sink: BlobMetadataSink, moment: str
) -> None:
    await store.overwrite(document(1))

    async def overtake() -> None:
        store.meddling.clear()
        await store.overwrite(document(3))

    store.meddling[moment] = overtake
    with pytest.raises(Superseded):
        await sink.publish(LORA, document(2), 2)
    assert await store.content() == document(3)


async def test_the_version_told_is_that_of_the_document_even_if_it_came_while_another_was_looked_at(
    store: WatchedStore, sink: BlobMetadataSink
) -> None:
    await store.overwrite(document(1))

    async def publish_the_same() -> None:
        store.meddling.clear()
        await store.overwrite(document(2))

    store.meddling["read"] = publish_the_same
    published = await sink.publish(LORA, document(2), 2)
    assert published.version == (await store.stat(KEY)).version


async def test_a_later_revision_that_comes_after_the_document_was_looked_at_stays(
    store: WatchedStore, sink: BlobMetadataSink
) -> None:
    await store.overwrite(document(1))

    async def overtake_the_second_time() -> None:
        if store.requests.count("put") == 2:
            await store.overwrite(document(3))

    store.meddling["put"] = overtake_the_second_time
    with pytest.raises(Superseded):
        await sink.publish(LORA, document(2), 2)
    assert await store.content() == document(3)


async def test_one_who_is_always_too_late_gives_up_and_says_where(store: WatchedStore, sink: BlobMetadataSink) -> None:
    async def be_faster() -> None:
        await store.overwrite(document(1, f"theirs, number {len(store.requests)}"))

    store.meddling["put"] = be_faster
    with pytest.raises(Conflict) as refused:
        await sink.publish(LORA, document(1), 1)
    assert not isinstance(refused.value, BlobChanged | Superseded)
    assert f"{store.root}{KEY}" in str(refused.value)
    assert store.requests.count("put") == ATTEMPTS


@pytest.mark.parametrize("seed", range(3))
async def test_of_many_who_publish_at_once_the_latest_revision_remains(
    store: WatchedStore, sink: BlobMetadataSink, seed: int
) -> None:
    revisions = random.Random(seed).sample(range(1, 21), k=20)  # noqa: S311  # an order, not a secret
    answers = await asyncio.gather(
        *(sink.publish(LORA, document(revision), revision) for revision in revisions), return_exceptions=True
    )
    assert await store.content() == document(20)
    latest = answers[revisions.index(20)]
    assert isinstance(latest, PublishedDocument)
    assert latest.version == (await store.stat(KEY)).version
    assert {type(answer) for answer in answers} <= {PublishedDocument, Superseded}


async def test_of_many_who_publish_the_same_at_once_one_writes(store: WatchedStore, sink: BlobMetadataSink) -> None:
    answers = await asyncio.gather(*(sink.publish(LORA, document(1), 1) for _ in range(8)))
    assert len(set(answers)) == 1
    assert store.written == {KEY: 1}


async def test_a_withdrawn_document_is_gone(store: WatchedStore, sink: BlobMetadataSink) -> None:
    await sink.publish(LORA, document(1), 1)
    await sink.withdraw(LORA)
    assert [blob.key async for blob in store.list()] == []


async def test_withdrawing_what_is_not_there_is_as_good(store: WatchedStore, sink: BlobMetadataSink) -> None:
    other = new_id()
    await sink.publish(LORA, document(1), 1)
    await sink.withdraw(other)
    assert await store.content() == document(1)


async def test_documents_are_listed_by_lora_as_they_were_published(sink: BlobMetadataSink) -> None:
    ids = [*(new_id() for _ in range(5)), UUID(int=1), UUID(int=2**128 - 1)]
    published = [await sink.publish(lora_id, document(1), 1) for lora_id in reversed(ids)]
    assert [one async for one in sink.list()] == sorted(published, key=lambda one: one.lora_id)


async def test_where_nothing_is_published_nothing_is_listed(sink: BlobMetadataSink) -> None:
    assert [one async for one in sink.list()] == []


async def test_what_lies_there_besides_is_passed_over(store: WatchedStore, sink: BlobMetadataSink) -> None:
    besides = ["read-me.txt", "index.json", f"{LORA}", f"{LORA}.txt", f"{LORA}.json.bak", f"old/{LORA}.json", ".json"]
    besides += [f"{str(LORA).upper()}.json", f"{LORA.hex}.json", f"{{{LORA}}}.json"]
    for key in besides:
        await store.overwrite(b"something", key)
    published = await sink.publish(LORA, document(1), 1)
    assert [one async for one in sink.list()] == [published]
    await sink.withdraw(LORA)
    assert len([blob async for blob in store.list()]) == len(besides)


async def publish(sink: MetadataSink) -> None:
    await sink.publish(LORA, document(2), 2)


async def withdraw(sink: MetadataSink) -> None:
    await sink.withdraw(LORA)


async def list_all(sink: MetadataSink) -> None:
    async for _ in sink.list():
        pass


@pytest.mark.parametrize("error", [Unavailable("it does not answer"), InvalidInput("there is no such bucket")])
@pytest.mark.parametrize(
    ("work", "failing"),
    [(publish, "put"), (publish, "stat"), (publish, "read"), (withdraw, "delete"), (list_all, "list")],
)
async def test_why_the_store_fails_is_passed_on(
    store: WatchedStore,
    sink: BlobMetadataSink,
    error: Failure,
    work: Callable[[MetadataSink], Awaitable[None]],
    failing: str,
) -> None:
    async def fail() -> None:
        raise error

    await store.overwrite(document(1))
    store.meddling[failing] = fail
    with pytest.raises(type(error)) as failed:
        await work(sink)
    assert failed.value is error
    assert revision_of(await store.content()) == 1
