"""Blobs in a bucket of Amazon S3, or of another store that speaks its protocol."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from typing import Any

from lora_manager.adapters.blobs.content import is_key
from lora_manager.adapters.blobs.s3_bucket import Bucket, Comparing
from lora_manager.adapters.blobs.s3_errors import Place, Unexplained, translated
from lora_manager.adapters.blobs.s3_reading import read_object
from lora_manager.adapters.blobs.s3_upload import abort_abandoned
from lora_manager.adapters.blobs.s3_writing import SHA256, write_object
from lora_manager.domain.blob import (
    MAX_KEY_BYTES,
    WHOLE,
    Blob,
    BlobMissing,
    InvalidKey,
    Over,
    Replacing,
    Span,
    check_key,
)
from lora_manager.domain.errors import InvalidInput
from lora_manager.domain.media_types import ANY_TYPE
from lora_manager.domain.text import CONTROL
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.readiness import Part

_CONNECTIONS = 64  # twice as many as are expected at once, since a read keeps its own until it ends
_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 30
_LONGEST_PRESIGNED = timedelta(days=7)  # Source: AWS Signature Version 4, X-Amz-Expires


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where an S3 service is and who asks; None leaves it to boto, which looks where AWS's own tools do.

    :param endpoint: ``http(s)://host[:port]`` of a store other than Amazon's
    :param public_endpoint: the same as clients reach it, for the addresses they are given
    """

    endpoint: str | None = None
    public_endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)


@asynccontextmanager
async def open_s3(access: S3Access) -> AsyncIterator["S3Connection"]:
    """A connection for as long as the block lasts; the store need not be there."""
    async with AsyncExitStack() as stack:
        yield S3Connection(access, stack)


class S3Connection:
    """Boto's clients, opened when they are first used; get one from :func:`open_s3`."""

    def __init__(self, access: S3Access, stack: AsyncExitStack) -> None:
        self._access = access
        self._stack = stack
        self._clients: dict[str | None, Any] = {}
        self._opening = asyncio.Lock()
        self._comparing: dict[str, Comparing] = {}

    def bucket(self, name: str, setting: str) -> Bucket:
        """One bucket of the store."""
        place = Place(self._access.endpoint, name, setting)
        return Bucket(self._client, place, self._comparing.setdefault(name, Comparing()))

    async def presigner(self) -> Any:
        """The client whose addresses others can reach."""
        return await self._at(self._access.public_endpoint or self._access.endpoint)

    async def _client(self) -> Any:
        return await self._at(self._access.endpoint)

    async def _at(self, endpoint: str | None) -> Any:
        if endpoint not in self._clients:
            async with self._opening:
                if endpoint not in self._clients:
                    self._clients[endpoint] = await self._open(endpoint)
        return self._clients[endpoint]

    async def _open(self, endpoint: str | None) -> Any:
        if find_spec("aioboto3") is None:
            raise InvalidInput(
                "the settings name an S3 bucket, which needs more: pip install 'lora-manager[server,s3]'"
            )
        session, config = await asyncio.to_thread(_session, self._access)
        return await self._stack.enter_async_context(session.client("s3", endpoint_url=endpoint, config=config))


def _session(access: S3Access) -> tuple[Any, Any]:
    """A session and how its clients are to behave; the import takes half a second."""
    import aioboto3  # type: ignore[import-untyped]  # noqa: PLC0415  # has no types; comes with an extra
    from aiobotocore.session import get_session  # type: ignore[import-untyped]  # noqa: PLC0415  # the same
    from botocore.config import Config  # type: ignore[import-untyped]  # noqa: PLC0415  # the same

    session = aioboto3.Session(
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        region_name=access.region,
        botocore_session=(botocore_session := get_session()),
    )
    botocore_session.register_component("data_loader", _descriptions())
    config = Config(
        signature_version="s3v4",  # presigned addresses would be signed in a way that newer regions refuse
        s3={"addressing_style": "path" if access.endpoint else "auto"},
        request_checksum_calculation="when_required",  # checksums that nobody asked for are refused by other stores
        response_checksum_validation="when_required",
        retries={"mode": "standard"},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        max_pool_connections=_CONNECTIONS,
    )
    return session, config


@cache
def _descriptions() -> Any:
    """What reads boto's descriptions of S3 and of its endpoints: each session would read them anew, for 0.1 s."""
    from aiobotocore.session import get_session  # noqa: PLC0415  # comes with an extra

    return get_session().get_component("data_loader")


class S3BlobStore(BlobStore, Part):
    """Objects at ``s3://<bucket>/<prefix>/<key>``.

    :param prefix: what all keys begin with in the bucket; may be empty
    :param setting: the name of the setting that names the bucket, for messages
    :param name: what users know this store by
    """

    def __init__(
        self,
        connection: S3Connection,
        bucket: str,
        prefix: str = "",
        *,
        setting: str = "S3_BUCKET",
        name: str = "blob store",
    ) -> None:
        self._name = name
        self._is_probed = False
        self._connection = connection
        self._bucket = connection.bucket(bucket, setting)
        self._prefix = f"{prefix.strip('/')}/".lstrip("/")

    @property
    def name(self) -> str:
        return self._name

    @property
    def root(self) -> str:
        return f"s3://{self._bucket.place.bucket}/{self._prefix}"

    async def check(self) -> None:
        try:
            await self._bucket.ask("head_bucket", self.root)
        except Unexplained:
            await self._bucket.ask("list_objects_v2", self.root, Prefix=self._prefix, MaxKeys=1)  # this one says why
        if not self._is_probed:
            with suppress(InvalidInput):  # who may only read needs no conditions
                await self._bucket.probe(self._prefix)
            self._is_probed = True

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        media_type: str = ANY_TYPE,
        replacing: Replacing = Over.ANYTHING,
        sha256: str | None = None,
    ) -> Blob:
        full, uri = self._full(key)
        stored = await write_object(self._bucket, full, uri, content, replacing, sha256, ContentType=media_type)
        return Blob(
            key=key,
            uri=uri,
            size_bytes=stored.size_bytes,
            modified_at=stored.at,
            version=stored.etag,
            sha256=stored.sha256,
        )

    def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        return read_object(self._bucket, *self._full(key), span, version)

    async def stat(self, key: str) -> Blob:
        full, uri = self._full(key)
        answer = await self._bucket.head(full, uri)
        return _blob(key, uri, answer, answer["ContentLength"], answer["Metadata"].get(SHA256))

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        if CONTROL.search(prefix):
            return  # no key has such characters, and not every store can be asked for them
        async for page in self._bucket.pages("list_objects_v2", self.root, Prefix=self._prefix + prefix):
            for entry in page.get("Contents", ()):
                key = entry["Key"].removeprefix(self._prefix)
                if is_key(key):  # not the empty objects that stand for folders in some tools
                    yield _blob(key, self.root + key, entry, entry["Size"])

    async def delete(self, key: str) -> None:
        full, uri = self._full(key)
        with suppress(BlobMissing):
            await self._bucket.ask("delete_object", uri, Key=full)

    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        full, uri = self._full(key)
        seconds = int(min(lifetime, _LONGEST_PRESIGNED).total_seconds())
        with translated(self._bucket.place, uri):
            client = await self._connection.presigner()
            url: str = await client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket.place.bucket, "Key": full}, ExpiresIn=seconds
            )
        return url

    async def sweep(self, abandoned_after: timedelta) -> int:
        """Remove what uploads of killed processes left: parts that nobody sees, but somebody pays for.

        :param abandoned_after: since the last part; longer than any part takes
        :returns: how many uploads were given up
        """
        return await abort_abandoned(self._bucket, self._prefix, self.root, datetime.now(UTC) - abandoned_after)

    def _full(self, key: str) -> tuple[str, str]:
        """The key in the bucket, and the URI."""
        full = self._prefix + check_key(key)
        if len(full.encode()) > MAX_KEY_BYTES:
            raise InvalidKey(key, f"with what stands before it in the bucket it has more than {MAX_KEY_BYTES} bytes")
        return full, self.root + key


def _blob(key: str, uri: str, told: Mapping[str, Any], size_bytes: int, sha256: str | None = None) -> Blob:
    return Blob(
        key=key,
        uri=uri,
        size_bytes=size_bytes,
        modified_at=told["LastModified"].astimezone(UTC),
        version=told["ETag"],
        sha256=sha256,
    )
