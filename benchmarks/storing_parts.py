"""The processes that storing is measured with: ``python -m benchmarks.storing_parts PART ...``.

``server`` prints its port and is an S3 service that keeps everything in memory; ``make-bucket PORT BUCKET``;
``put-files PORT BUCKET FOLDER`` and ``put-documents PORT BUCKET COUNT`` are the floors.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import aioboto3  # type: ignore[import-untyped]  # ships no types
from botocore.config import Config  # type: ignore[import-untyped]  # ships no types
from moto.server import ThreadedMotoServer

FILES_AT_ONCE, DOCUMENTS_AT_ONCE = 8, 16  # as many as push and sync have under way
_DOCUMENT = b"x" * 1_100  # the size of a usual document


def server() -> None:
    """Serve until terminated."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    s3 = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    s3.start()
    print(s3.get_host_and_port()[1], flush=True)
    Event().wait()


def make_bucket(port: str, bucket: str) -> None:
    """Make an empty bucket."""

    async def make() -> None:
        async with _client(port) as client:
            await client.create_bucket(Bucket=bucket)

    asyncio.run(make())


def put_files(port: str, bucket: str, folder: str) -> None:
    """Read each file of a folder and put it."""

    async def put(client: Any, path: Path) -> None:
        content = await asyncio.to_thread(path.read_bytes)
        await client.put_object(Bucket=bucket, Key=path.name, Body=content)

    asyncio.run(_at_once(port, FILES_AT_ONCE, sorted(Path(folder).iterdir()), put))


def put_documents(port: str, bucket: str, count: str) -> None:
    """Put as many documents, each under a key of its own."""

    async def put(client: Any, key: str) -> None:
        await client.put_object(Bucket=bucket, Key=key, Body=_DOCUMENT, ContentType="application/json")

    asyncio.run(_at_once(port, DOCUMENTS_AT_ONCE, [f"metadata/{uuid4()}.json" for _ in range(int(count))], put))


async def _at_once(port: str, limit: int, items: Iterable[Any], put: Callable[[Any, Any], Awaitable[None]]) -> None:
    waiting = iter(items)

    async def work(client: Any) -> None:
        for item in waiting:
            await put(client, item)

    async with _client(port) as client:
        await asyncio.gather(*(work(client) for _ in range(limit)))


def _client(port: str) -> AbstractAsyncContextManager[Any]:
    client: AbstractAsyncContextManager[Any] = aioboto3.Session().client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="benchmark",
        aws_secret_access_key="benchmark",  # noqa: S106  # a server on loopback takes any
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=32,
        ),
    )
    return client


PARTS: dict[str, Callable[..., None]] = {
    "server": server,
    "make-bucket": make_bucket,
    "put-files": put_files,
    "put-documents": put_documents,
}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
