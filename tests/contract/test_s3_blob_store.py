import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import h11
import pytest

from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, open_s3
from lora_manager.domain.blob import BlobMissing, InvalidKey
from lora_manager.domain.errors import InvalidInput
from tests.contract.blob_stores import LARGE, access_to, chunks, keys_of, put, s3_store
from tests.contract.s3_server import S3Server

UPLOAD = """
import asyncio, sys
from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, open_s3

async def content():
    for _ in range(6):  # of which two have arrived when a seventh is asked for
        yield bytes(8 << 20)
    print("begun", flush=True)
    await asyncio.Event().wait()

async def main(endpoint, bucket):
    access = S3Access(endpoint=endpoint, region="us-east-1", access_key_id="key", secret_access_key="secret")
    async with open_s3(access) as connection:
        await S3BlobStore(connection, bucket, "loras").put("killed", content())

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def kept(s3_server: S3Server) -> AsyncIterator[tuple[S3BlobStore, str]]:
    async with s3_store(s3_server) as kept:
        yield kept


async def get(url: str) -> tuple[int, bytes]:
    """What a client that knows nothing of S3 is answered."""
    address = urlsplit(url)
    connection = h11.Connection(h11.CLIENT)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    request = h11.Request(
        method="GET",
        target=f"{address.path}?{address.query}",
        headers=[("Host", address.netloc), ("Connection", "close")],
    )
    writer.write(connection.send(request) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    connection.receive_data(await reader.read())
    writer.close()
    answer = connection.next_event()
    assert isinstance(answer, h11.Response)
    content = b""
    while isinstance(event := connection.next_event(), h11.Data):
        content += event.data
    return answer.status_code, content


async def test_an_address_that_is_given_out_can_be_read_by_anybody(kept: tuple[S3BlobStore, str]) -> None:
    store, _ = kept
    await put(store, "style/a b+c é.safetensors", b"a blob")

    url = await store.presign("style/a b+c é.safetensors", timedelta(hours=1))

    assert url is not None
    assert await get(url) == (200, b"a blob")


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [(timedelta(minutes=5), "300"), (timedelta(days=7), "604800"), (timedelta(days=8), "604800")],
)
async def test_an_address_is_signed_for_its_lifetime_and_at_most_a_week(
    kept: tuple[S3BlobStore, str], lifetime: timedelta, seconds: str
) -> None:
    url = await kept[0].presign("a", lifetime)

    asked = parse_qs(urlsplit(str(url)).query)
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-Expires"] == [seconds]


async def test_an_address_is_that_of_the_public_endpoint(s3_server: S3Server) -> None:
    access = S3Access(
        endpoint=s3_server.url,
        public_endpoint="https://files.example.com",
        access_key_id=s3_server.access_key_id,
        secret_access_key=s3_server.secret_access_key,
    )
    async with open_s3(access) as connection:
        url = await S3BlobStore(connection, s3_server.make_bucket(), "loras").presign("a", timedelta(hours=1))

    assert str(url).startswith("https://files.example.com/bucket-")
    assert urlsplit(str(url)).path.endswith("/loras/a")


async def test_without_any_access_key_the_settings_are_named(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    async with open_s3(S3Access(endpoint=s3_server.url, region="us-east-1")) as connection:
        with pytest.raises(InvalidInput, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            await S3BlobStore(connection, "bucket").check()


async def test_more_keys_than_fit_one_answer_are_listed_in_order(
    kept: tuple[S3BlobStore, str], s3_server: S3Server
) -> None:
    store, bucket = kept
    s3_server.fill(bucket, (f"loras/{number}" for number in range(1_100)))

    assert await keys_of(store) == sorted(str(number) for number in range(1_100))


async def test_only_what_lies_under_the_prefix_is_there(kept: tuple[S3BlobStore, str], s3_server: S3Server) -> None:
    store, bucket = kept
    for key in ("other/a", "loras", "loras-too/a", "loras/", "loras/folder/", "loras/there"):
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=b"")

    assert store.root == f"s3://{bucket}/loras/"
    assert await keys_of(store) == ["there"]
    with pytest.raises(BlobMissing):
        await store.stat("a")


@pytest.mark.parametrize("prefix", ["loras/a", "/loras/a/", "loras/a/"])
async def test_slashes_around_a_prefix_make_no_difference(s3_server: S3Server, prefix: str) -> None:
    bucket = s3_server.make_bucket()
    async with open_s3(access_to(s3_server)) as connection:
        await put(S3BlobStore(connection, bucket, prefix), "b", b"")

    assert s3_server.keys(bucket) == ["loras/a/b"]


async def test_without_a_prefix_keys_stand_as_they_are(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    async with open_s3(access_to(s3_server)) as connection:
        store = S3BlobStore(connection, bucket)
        await put(store, "a", b"")

        assert store.root == f"s3://{bucket}/"
        assert await keys_of(store) == ["a"]
    assert s3_server.keys(bucket) == ["a"]


async def test_a_key_that_is_too_long_with_the_prefix_is_refused(kept: tuple[S3BlobStore, str]) -> None:
    store, _ = kept
    longest = "a" * (1_024 - len("loras/"))

    await put(store, longest, b"")
    with pytest.raises(InvalidKey):
        await put(store, f"{longest}a", b"")

    assert await keys_of(store) == [longest]


async def test_the_media_type_is_kept(kept: tuple[S3BlobStore, str], s3_server: S3Server) -> None:
    store, bucket = kept

    for key, content in (("small", b"{}"), ("large", LARGE)):
        await store.put(key, chunks(content), media_type="application/json")
        answer = s3_server.client.head_object(Bucket=bucket, Key=f"loras/{key}")
        assert answer["ContentType"] == "application/json"


async def test_a_digest_that_is_known_beforehand_is_kept(kept: tuple[S3BlobStore, str]) -> None:
    store, _ = kept
    small = await store.put("small", chunks(b"a blob"))
    whole = await store.put("once", chunks(LARGE))
    await store.put("large", chunks(LARGE), sha256=whole.sha256)

    assert (await store.stat("small")).sha256 == small.sha256
    assert (await store.stat("large")).sha256 == whole.sha256
    assert (await store.stat("once")).sha256 is None


async def test_parts_of_a_killed_process_are_swept_once_they_are_old_enough(
    kept: tuple[S3BlobStore, str], s3_server: S3Server
) -> None:
    store, bucket = kept
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", UPLOAD, s3_server.url, bucket, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    other = s3_server.client.create_multipart_upload(Bucket=bucket, Key="other/a")
    s3_server.client.upload_part(
        Bucket=bucket, Key="other/a", UploadId=other["UploadId"], PartNumber=1, Body=b"somebody else's"
    )
    assert s3_server.open_uploads(bucket) == ["loras/killed", "other/a"]
    assert s3_server.keys(bucket) == []

    assert await store.sweep(timedelta(hours=1)) == 0
    assert s3_server.open_uploads(bucket) == ["loras/killed", "other/a"]

    assert await store.sweep(timedelta(0)) == 1
    assert s3_server.open_uploads(bucket) == ["other/a"]


async def test_one_connection_serves_many_at_once(kept: tuple[S3BlobStore, str]) -> None:
    store, _ = kept

    await asyncio.gather(*(put(store, str(number), b"x" * 100_000) for number in range(64)))

    assert len(await keys_of(store)) == 64


async def test_the_blob_store_is_a_part_that_answers(kept: tuple[S3BlobStore, str]) -> None:
    assert kept[0].name == "blob store"
    await kept[0].check()
