"""The stores of blobs that the contract suite runs against, and what lies behind them."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, open_s3
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.domain.blob import WHOLE, Span
from lora_manager.ports.blob_store import BlobStore
from tests.contract.s3_server import S3Server

PART = 8 << 20  # what S3 gets in one request at most
LARGE = bytes(range(256)) * (PART // 256) * 2 + b"and the rest"


@dataclass(frozen=True)
class Kept:
    """A store, and everything that lies where it keeps its blobs, whole or not."""

    store: BlobStore
    things: Callable[[], Sequence[str]]


async def chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def put(store: BlobStore, key: str, content: bytes) -> str:
    """The version of what was put."""
    return (await store.put(key, chunks(content))).version


async def content_of(store: BlobStore, key: str, span: Span = WHOLE, *, version: str | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, span, version=version)])


async def keys_of(store: BlobStore, prefix: str = "") -> list[str]:
    return [blob.key async for blob in store.list(prefix)]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def access_to(server: S3Server, endpoint: str | None = None) -> S3Access:
    return S3Access(
        endpoint=endpoint or server.url,
        region=server.region,
        access_key_id=server.access_key_id,
        secret_access_key=server.secret_access_key,
    )


@asynccontextmanager
async def s3_store(server: S3Server, endpoint: str | None = None) -> AsyncIterator[tuple[S3BlobStore, str]]:
    """A store in a new bucket, and the bucket's name."""
    bucket = server.make_bucket()
    async with open_s3(access_to(server, endpoint)) as connection:
        yield S3BlobStore(connection, bucket, "loras"), bucket


def memory_kept() -> Kept:
    store = MemoryBlobStore()
    return Kept(store, lambda: sorted(store.contents))


def local_kept(folder: Path) -> Kept:
    return Kept(LocalBlobStore(str(folder)), lambda: _files(folder.rglob("*")))


@asynccontextmanager
async def s3_kept(server: S3Server) -> AsyncIterator[Kept]:
    async with s3_store(server) as (store, bucket):
        yield Kept(store, lambda: [*server.keys(bucket), *server.open_uploads(bucket)])


def _files(paths: Iterable[Path]) -> list[str]:
    return sorted(str(path) for path in paths if path.is_file() and path.name != "lock")
