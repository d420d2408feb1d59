"""Writing an object: in one request, or in parts where it is large."""

import hashlib
from collections.abc import AsyncIterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lora_manager.adapters.blobs.content import digest_in, regrouped
from lora_manager.adapters.blobs.s3_bucket import Bucket
from lora_manager.adapters.blobs.s3_upload import PART, Upload, part_sizes
from lora_manager.domain.blob import Corrupted, Replacing

SHA256 = "sha256"
"""The name under which an object's own metadata keeps it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of an object that was just written, without asking for it again.

    :param at: when the store answered, to the second
    """

    etag: str
    at: datetime
    size_bytes: int
    sha256: str


async def write_object(
    bucket: Bucket,
    key: str,
    uri: str,
    content: AsyncIterable[bytes],
    replacing: Replacing,
    sha256: str | None,
    **parameters: str,
) -> Stored:
    """Store content whole or not at all.

    :param sha256: of what will come, where that is known
    :param parameters: of the request that makes the object
    :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
    :raises Corrupted: the content has another SHA-256
    """
    async with aclosing(regrouped(content, part_sizes())) as parts:
        first = await anext(parts, b"")
        second = await anext(parts, None) if len(first) == PART else None
        if second is None:
            received = await _sha256_of(first)
            _require_sha256(uri, sha256, received)
            answer = await bucket.put(key, uri, first, replacing, Metadata={SHA256: received}, **parameters)
            return _stored(answer, len(first), received)
        upload = Upload(bucket, key, uri)
        try:
            await bucket.require(key, uri, replacing)  # rather than only after gigabytes
            await upload.begin(Metadata={} if sha256 is None else {SHA256: sha256}, **parameters)
            await upload.add(first)
            await upload.add(second)
            async for part in parts:
                await upload.add(part)
            _require_sha256(uri, sha256, upload.sha256)
            answer = await upload.complete(replacing)
        except BaseException:
            await upload.abort()
            raise
        return _stored(answer, upload.size_bytes, upload.sha256)


async def _sha256_of(content: bytes) -> str:
    digest = hashlib.sha256()
    await digest_in(digest, content)
    return digest.hexdigest()


def _require_sha256(uri: str, expected: str | None, received: str) -> None:
    if expected not in {None, received}:
        raise Corrupted(uri, str(expected), received)


def _stored(answer: Mapping[str, Any], size_bytes: int, sha256: str) -> Stored:
    sent = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    at = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
    return Stored(answer["ETag"], at, size_bytes, sha256)
