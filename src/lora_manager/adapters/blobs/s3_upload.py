"""A large object, sent in parts."""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from lora_manager.adapters.blobs.content import digest_in, to_its_end
from lora_manager.adapters.blobs.s3_bucket import Bucket
from lora_manager.domain.blob import BlobMissing, Replacing
from lora_manager.domain.errors import Failure

PART = 8 << 20
"""Bytes of the first parts, and of what is sent whole. Source: the threshold and part size of boto3's transfers."""

_OF_ONE_SIZE = 1_000  # then twice as large: 10,000 parts, which is the most S3 takes, hold 8 TiB
_IN_FLIGHT = 4

_logger = logging.getLogger(__name__)


def part_sizes() -> Iterator[int]:
    """The size of each part in bytes, so that an object of any length needs no more parts than there may be.

    Source: Amazon S3 user guide, multipart upload limits (10,000 parts of 5 MiB to 5 GiB).
    """
    for doublings in itertools.count():
        yield from itertools.repeat(PART << doublings, _OF_ONE_SIZE)


class Upload:
    """One upload of several parts: begun, then completed or aborted."""

    def __init__(self, bucket: Bucket, key: str, uri: str) -> None:
        self._bucket = bucket
        self._key = key
        self._uri = uri
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        self._id: str | None = None
        self._numbers = itertools.count(1)
        self._running: set[asyncio.Task[tuple[int, str]]] = set()
        self._sent: list[tuple[int, str]] = []

    @property
    def sha256(self) -> str:
        """Of what was added so far."""
        return self._digest.hexdigest()

    async def begin(self, **parameters: Any) -> None:
        """Announce it; cancelled, it still learns what there is to abort."""
        await to_its_end(self._begin(parameters))

    async def add(self, part: bytes) -> None:
        """Send the next part, as soon as few enough others are on their way."""
        await digest_in(self._digest, part)
        self.size_bytes += len(part)
        if len(self._running) == _IN_FLIGHT:
            await self._arrive(asyncio.FIRST_COMPLETED)
        self._running.add(asyncio.create_task(self._send(next(self._numbers), part)))

    async def complete(self, replacing: Replacing) -> Any:
        """Make the object of the parts.

        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        """
        await self._arrive(asyncio.ALL_COMPLETED)
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(self._sent)]
        return await self._bucket.complete(
            self._key, self._uri, replacing, UploadId=self._id, MultipartUpload={"Parts": parts}
        )

    async def abort(self) -> None:
        """Leave no part behind."""
        await to_its_end(self._abort())

    async def _begin(self, parameters: dict[str, Any]) -> None:
        answer = await self._bucket.ask("create_multipart_upload", self._uri, Key=self._key, **parameters)
        self._id = answer["UploadId"]

    async def _send(self, number: int, part: bytes) -> tuple[int, str]:
        answer = await self._bucket.ask(
            "upload_part", self._uri, Key=self._key, UploadId=self._id, PartNumber=number, Body=part
        )
        return number, str(answer["ETag"])

    async def _arrive(self, when: str) -> None:
        done, self._running = await asyncio.wait(self._running, return_when=when)
        self._sent.extend([task.result() for task in done])

    async def _abort(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._id is None:
            return
        try:
            await self._bucket.ask("abort_multipart_upload", self._uri, Key=self._key, UploadId=self._id)
        except BlobMissing:
            _logger.debug("the upload of %s was gone before it was aborted", self._uri)
        except Failure as error:  # what it is aborted for matters more
            _logger.warning("parts of %s stay until abandoned uploads are swept: %s", self._uri, error)


async def abort_abandoned(bucket: Bucket, prefix: str, uri: str, before: datetime) -> int:
    """Abort every upload whose last part, or whose beginning where it has none, is older; tells how many."""
    aborted = 0
    async for page in bucket.pages("list_multipart_uploads", uri, Prefix=prefix):
        for upload in page.get("Uploads", ()):
            which = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
            with suppress(BlobMissing):  # completed or aborted meanwhile
                if upload["Initiated"] < before and await _last_part(bucket, uri, which, upload["Initiated"]) < before:
                    await bucket.ask("abort_multipart_upload", uri, **which)
                    aborted += 1
    return aborted


async def _last_part(bucket: Bucket, uri: str, which: Mapping[str, str], begun: datetime) -> datetime:
    pages = bucket.pages("list_parts", uri, **which)
    return max([part["LastModified"] async for page in pages for part in page.get("Parts", ())], default=begun)
