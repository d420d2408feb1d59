"""Reading an object to its end, however often the connection breaks."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from lora_manager.adapters.blobs.s3_bucket import Bucket
from lora_manager.adapters.blobs.s3_errors import BeyondEnd, translated
from lora_manager.domain.blob import Span
from lora_manager.domain.errors import Unavailable

_CHUNK = 1 << 18
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6)  # after cuts between which hardly anything came
_WORTHWHILE = 1 << 20  # bytes; a connection that brought as many is good enough to begin counting anew


async def read_object(
    bucket: Bucket, key: str, uri: str, span: Span, version: str | None
) -> AsyncGenerator[bytes, None]:
    """The bytes in chunks; after a cut it goes on where that was, in the same version.

    :raises BlobMissing: there is no such object
    :raises BlobChanged: it has another version, or got one meanwhile
    """
    at, end = span.begin, span.end
    pauses = iter(_PAUSES_S)
    while True:
        asked = {} if (at, end) == (0, None) else {"Range": f"bytes={at}-{'' if end is None else end - 1}"}
        try:
            answer = await bucket.ask("get_object", uri, Key=key, **asked, **({"IfMatch": version} if version else {}))
        except BeyondEnd:
            return
        version, begun = answer["ETag"], at
        end = at + answer["ContentLength"]
        body = answer["Body"]
        async with body:
            cut: Unavailable | None = None
            while at < end:
                try:
                    chunk = await _next(bucket, uri, body)
                except Unavailable as error:
                    cut = error
                    break
                yield chunk
                at += len(chunk)
        if cut is None:
            return
        if at - begun >= _WORTHWHILE:
            pauses = iter(_PAUSES_S)
        pause_s = next(pauses, None)
        if pause_s is None:
            raise cut
        await asyncio.sleep(pause_s)


async def _next(bucket: Bucket, uri: str, body: Any) -> bytes:
    """The next chunk, of which there must be one."""
    with translated(bucket.place, uri):
        chunk: bytes = await body.read(_CHUNK)
    return chunk
