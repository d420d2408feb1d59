import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, open_s3
from lora_manager.domain.blob import BlobChanged, BlobMissing, Over, Replacing
from lora_manager.domain.errors import Failure, InvalidInput, Unavailable
from tests.contract.blob_stores import LARGE, access_to, chunks, content_of, keys_of, put, s3_store
from tests.contract.s3_faults import Chooses, Request, S3Faults, method, s3_faults
from tests.contract.s3_server import S3Server


class World:
    """A store whose way to the server can fail, and the bucket as it is."""

    def __init__(self, server: S3Server, faults: S3Faults, store: S3BlobStore, bucket: str) -> None:
        self.server = server
        self.faults = faults
        self.store = store
        self.bucket = bucket

    @property
    def things(self) -> list[str]:
        return [*self.server.keys(self.bucket), *self.server.open_uploads(self.bucket)]

    def asked(self, *methods: str) -> int:
        return sum(request.method in methods for request in self.faults.requests)


@pytest.fixture
async def world(s3_server: S3Server) -> AsyncIterator[World]:
    async with s3_faults(s3_server.url) as faults, s3_store(s3_server, faults.url) as (store, bucket):
        yield World(s3_server, faults, store, bucket)


def is_part(request: Request) -> bool:
    return request.method == "PUT" and "partNumber=2" in request.target


def is_completion(request: Request) -> bool:
    return request.method == "POST" and "uploadId=" in request.target


async def whatever_is_asked(store: S3BlobStore) -> list[Failure]:
    """How each method fails."""
    calls = [
        store.check(),
        put(store, "a", b""),
        store.put("a", chunks(b""), replacing=Over.NOTHING),
        store.put("a", chunks(LARGE)),
        content_of(store, "a"),
        store.stat("a"),
        keys_of(store),
        store.delete("a"),
        store.sweep(timedelta(0)),
    ]
    failures = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(failure, Failure) for failure in failures), failures
    return [failure for failure in failures if isinstance(failure, Failure)]


@pytest.mark.parametrize("status", [500, 503])
async def test_what_the_server_is_too_busy_for_is_asked_again(world: World, status: int) -> None:
    world.faults.fail(status, "SlowDown", chooses=method("PUT"), times=2)
    world.faults.fail(status, "SlowDown", chooses=method("GET"), times=2)

    await put(world.store, "a", b"a blob")

    assert await content_of(world.store, "a") == b"a blob"
    assert world.asked("PUT") == world.asked("GET") == 3


async def test_a_part_that_the_server_is_too_busy_for_is_sent_again(world: World) -> None:
    world.faults.fail(503, "SlowDown", chooses=is_part, times=2)

    await put(world.store, "a", LARGE)

    assert world.server.content(world.bucket, "loras/a") == LARGE


@pytest.mark.parametrize("cuts", [(0,), (700,), (100_000,), (1_000_000, 5_000_000), (1_500_000,) * 7])
async def test_a_connection_cut_while_a_blob_is_read_is_taken_up_again(world: World, cuts: tuple[int, ...]) -> None:
    version = await put(world.store, "a", LARGE)
    for after in cuts:
        world.faults.cut(after, chooses=method("GET"))

    assert await content_of(world.store, "a", version=version) == LARGE
    assert world.asked("GET") == len(cuts) + 1


async def test_what_is_read_after_a_cut_is_the_same_version(world: World) -> None:
    await put(world.store, "a", LARGE)
    world.faults.cut(1_000_000, chooses=method("GET"))
    reading = world.store.read("a")
    await anext(reading)

    await put(world.store, "a", bytes(len(LARGE)))

    with pytest.raises(BlobChanged):
        [chunk async for chunk in reading]


async def test_a_blob_that_is_cut_off_again_and_again_is_unavailable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lora_manager.adapters.blobs.s3_reading._PAUSES_S", (0, 0, 0))
    await put(world.store, "a", LARGE)
    world.faults.cut(600, chooses=method("GET"), times=1_000)

    with pytest.raises(Unavailable, match="connection was lost"):
        await content_of(world.store, "a")


async def test_a_write_whose_answer_got_lost_is_not_taken_for_somebody_elses(world: World) -> None:
    await put(world.store, "probed", b"")
    await world.store.put("probed too", chunks(b""), replacing=Over.NOTHING)
    world.faults.fail(503, "SlowDown", chooses=method("PUT"), lost=True)

    blob = await world.store.put("a", chunks(b"a blob"), replacing=Over.NOTHING)

    assert await content_of(world.store, "a", version=blob.version) == b"a blob"


async def test_two_writes_in_each_others_way_are_tried_again(world: World) -> None:
    await world.store.put("probed", chunks(b""), replacing=Over.NOTHING)
    world.faults.fail(409, "ConditionalRequestConflict", chooses=method("PUT"), times=2)

    await world.store.put("a", chunks(b"a blob"), replacing=Over.NOTHING)

    assert await content_of(world.store, "a") == b"a blob"


async def test_two_large_writes_in_each_others_way_leave_one(world: World) -> None:
    world.faults.fail(409, "ConditionalRequestConflict", chooses=is_completion)

    with pytest.raises(BlobChanged):
        await world.store.put("a", chunks(LARGE), replacing=Over.NOTHING)

    assert world.things == []


async def test_a_store_that_cannot_compare_is_looked_at_just_before(world: World) -> None:
    world.faults.fail(501, "NotImplemented", chooses=lambda request: "if-none-match" in request.headers, times=100)

    await world.store.put("a", chunks(b"first"), replacing=Over.NOTHING)
    with pytest.raises(BlobChanged):
        await world.store.put("a", chunks(b"second"), replacing=Over.NOTHING)
    version = (await world.store.stat("a")).version
    await world.store.put("a", chunks(b"third"), replacing=version)
    with pytest.raises(BlobChanged):
        await world.store.put("a", chunks(LARGE), replacing=version)

    assert await content_of(world.store, "a") == b"third"
    assert world.things == ["loras/a"]


async def test_whether_a_store_compares_is_tried_once_and_leaves_nothing(world: World) -> None:
    await world.store.put("a", chunks(b""), replacing=Over.NOTHING)
    tried = len(world.faults.requests)

    for number in range(5):
        await world.store.put(f"b{number}", chunks(b""), replacing=Over.NOTHING)

    assert tried == 5
    assert len(world.faults.requests) == tried + 5
    assert world.things == ["loras/a", *(f"loras/b{number}" for number in range(5))]


async def test_putting_a_small_blob_costs_one_request(world: World) -> None:
    await put(world.store, "a", b"a blob")

    assert [request.method for request in world.faults.requests] == ["PUT"]


async def test_parts_that_cannot_be_sent_leave_nothing_behind(world: World) -> None:
    world.faults.fail(400, "BadDigest", chooses=is_part)

    with pytest.raises(InvalidInput, match="BadDigest"):
        await put(world.store, "a", LARGE)

    assert world.things == []


@pytest.mark.parametrize("chooses", [is_part, method("POST"), is_completion], ids=["part", "beginning", "end"])
async def test_an_upload_cancelled_while_the_server_is_slow_leaves_no_parts(world: World, chooses: Chooses) -> None:
    held = world.faults.hold(chooses=chooses)

    task = asyncio.create_task(put(world.store, "a", LARGE))
    await held.reached.wait()
    task.cancel()
    assert held.hold is not None
    held.hold.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert world.server.open_uploads(world.bucket) == []


async def test_parts_that_could_not_be_removed_are_told_of(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.faults.fail(400, "BadDigest", chooses=is_part)
    world.faults.fail(400, "Odd", chooses=method("DELETE"))

    with pytest.raises(InvalidInput, match="BadDigest"):
        await put(world.store, "a", LARGE)

    assert f"parts of s3://{world.bucket}/loras/a stay" in caplog.text


async def test_a_server_that_is_away_is_unavailable_whatever_is_asked(world: World) -> None:
    await world.faults.refuse()

    for failure in await whatever_is_asked(world.store):
        assert isinstance(failure, Unavailable)
        assert "S3_ENDPOINT" in str(failure)
        assert world.faults.url in str(failure)


async def test_a_server_that_comes_back_is_used_again(world: World) -> None:
    await put(world.store, "a", b"a blob")
    await world.faults.refuse()
    with pytest.raises(Unavailable):
        await world.store.check()

    await world.faults.start()

    await world.store.check()
    assert await content_of(world.store, "a") == b"a blob"


async def test_a_server_that_stays_busy_is_unavailable(world: World) -> None:
    world.faults.fail(503, "SlowDown", times=100)

    with pytest.raises(Unavailable, match="503"):
        await world.store.check()


async def test_a_bucket_that_is_not_there_is_named_with_its_setting_whatever_is_asked(s3_server: S3Server) -> None:
    async with open_s3(access_to(s3_server)) as connection:
        store = S3BlobStore(connection, "no-such-bucket", setting="METADATA_BUCKET")

        for failure in await whatever_is_asked(store):
            assert isinstance(failure, InvalidInput)
            assert "'no-such-bucket'" in str(failure)
            assert "METADATA_BUCKET" in str(failure)
            assert s3_server.url in str(failure)


async def test_a_name_that_no_bucket_can_have_is_told_with_its_setting(s3_server: S3Server) -> None:
    async with open_s3(access_to(s3_server)) as connection:
        with pytest.raises(InvalidInput, match="S3_BUCKET"):
            await S3BlobStore(connection, "no bucket!").check()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "InvalidAccessKeyId", "does not know the access key"),
        (403, "SignatureDoesNotMatch", "the secret does not belong to the access key"),
        (403, "AccessDenied", "s3:ListBucket"),
        (403, "RequestTimeTooSkewed", "clock"),
        (400, "AuthorizationHeaderMalformed", "AWS_REGION"),
        (400, "ExpiredToken", "has expired"),
    ],
)
async def test_whoever_is_refused_is_told_why_whatever_is_asked(
    world: World, status: int, code: str, words: str
) -> None:
    world.faults.fail(status, code, times=1_000)

    for failure in await whatever_is_asked(world.store):
        assert isinstance(failure, InvalidInput)
        assert words in str(failure)
        assert ("AWS_" in str(failure)) is (code != "RequestTimeTooSkewed")


async def test_a_head_that_finds_nothing_is_asked_why_by_a_get(world: World) -> None:
    with pytest.raises(BlobMissing):
        await world.store.stat("a")

    assert [request.method for request in world.faults.requests] == ["HEAD", "GET"]


async def test_what_answers_but_is_no_s3_is_told(world: World) -> None:
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    async with answering(answer) as url, open_s3(access_to(world.server, url)) as connection:
        store = S3BlobStore(connection, "bucket")
        for call in (store.check(), store.stat("a"), content_of(store, "a"), keys_of(store)):
            with pytest.raises(InvalidInput, match="answers 404 without the words that S3 has for it") as caught:
                await call
            assert "correct S3_ENDPOINT" in str(caught.value)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """The address of a server that says one thing to everybody."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_no_secret_is_told_or_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = world.server.secret_access_key
    access = S3Access(
        endpoint=world.faults.url,
        region="us-east-1",
        access_key_id=world.server.access_key_id,
        secret_access_key=secret,
    )
    told = [repr(access)]
    async with open_s3(access) as connection:
        store = S3BlobStore(connection, world.bucket)
        told.extend((repr(connection), repr(store)))
        await put(store, "a", b"a blob")
        told.append(str(await store.presign("a", timedelta(hours=1))))
        world.faults.fail(403, "SignatureDoesNotMatch", times=1_000)
        told.extend(f"{failure!r} {failure}" for failure in await whatever_is_asked(store))
        await world.faults.refuse()
        told.extend(f"{failure!r} {failure}" for failure in await whatever_is_asked(store))

    text = "\n".join(told)
    assert world.bucket in text
    assert secret not in text
    assert secret not in caplog.text


async def test_nothing_is_opened_before_it_is_needed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with open_s3(S3Access(endpoint=url)) as connection:
            S3BlobStore(connection, "bucket")

        nobody.settimeout(0)
        with pytest.raises(BlockingIOError):
            nobody.accept()


async def test_a_store_that_does_not_heed_conditions_is_looked_at_just_before(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.faults.overlooked = frozenset({"if-match", "if-none-match"})

    async def over(replacing: Replacing, key: str, content: bytes) -> str:
        return (await world.store.put(key, chunks(content), replacing=replacing)).version

    first = await over(Over.NOTHING, "a", b"one")
    second = await over(first, "a", b"two")
    for replacing, key, content in (
        (Over.NOTHING, "a", b"three"),
        (Over.NOTHING, "a", LARGE),
        (first, "a", b"three"),
        (second, "b", b"three"),
    ):
        with pytest.raises(BlobChanged):
            await over(replacing, key, content)
    assert await content_of(world.store, "a") == b"two"
    assert world.things == ["loras/a"]
    [warning] = [record for record in caplog.records if "does not heed conditions" in record.message]
    assert world.bucket in warning.message


async def test_whether_conditions_are_heeded_is_found_out_by_the_first_check_and_leaves_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.faults.overlooked = frozenset({"if-match", "if-none-match"})
    await world.store.check()
    assert "does not heed conditions" in caplog.text
    asked = world.asked("PUT", "DELETE")
    await world.store.check()
    assert world.asked("PUT", "DELETE") == asked
    assert world.things == []


async def test_a_key_that_may_only_read_is_good_enough_for_a_check(world: World) -> None:
    world.faults.fail(403, "AccessDenied", chooses=method("PUT"), times=100)
    await world.store.check()
