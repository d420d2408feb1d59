"""One bucket, and whatever is asked of it."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from lora_manager.adapters.blobs.s3_errors import (
    BeyondEnd,
    NotOffered,
    Place,
    Unexplained,
    WriteConflict,
    translated,
    was_repeated,
)
from lora_manager.domain.blob import BlobChanged, BlobMissing, Over, Replacing
from lora_manager.domain.errors import InvalidInput

_logger = logging.getLogger(__name__)
_CONFLICT_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)

OpenClient = Callable[[], Awaitable[Any]]


class Comparing:
    """Whether a bucket heeds conditions on what is written; None while nobody has tried."""

    def __init__(self) -> None:
        self.is_heeded: bool | None = None
        self.lock = asyncio.Lock()


class Bucket:
    """Asks for one bucket what boto's client offers, and answers in the domain's words.

    :param open_client: gives boto's client
    :param comparing: what is known of the bucket, to whomever it is a bucket
    """

    def __init__(self, open_client: OpenClient, place: Place, comparing: Comparing) -> None:
        self.place = place
        self._open_client = open_client
        self._comparing = comparing

    async def ask(self, operation: str, uri: str, **parameters: Any) -> Any:
        """One request, repeated by boto where that may help.

        :param operation: the client's method
        :param uri: what it is about, for messages
        """
        with translated(self.place, uri):
            client = await self._open_client()
            return await getattr(client, operation)(Bucket=self.place.bucket, **parameters)

    async def pages(self, operation: str, uri: str, **parameters: Any) -> AsyncGenerator[Mapping[str, Any], None]:
        """The answers to a question that has several."""
        with translated(self.place, uri):
            client = await self._open_client()
            async for page in client.get_paginator(operation).paginate(Bucket=self.place.bucket, **parameters):
                yield page

    async def head(self, key: str, uri: str) -> Mapping[str, Any]:
        """What there is to tell of an object.

        :raises BlobMissing: there is none
        """
        try:
            answer: Mapping[str, Any] = await self.ask("head_object", uri, Key=key)
        except Unexplained:
            with suppress(BeyondEnd):
                shown = await self.ask("get_object", uri, Key=key, Range="bytes=0-0")  # this one says why
                shown["Body"].close()
            answer = await self.ask("head_object", uri, Key=key)  # somebody wrote there between the two
        return answer

    async def put(self, key: str, uri: str, body: bytes, replacing: Replacing, **parameters: Any) -> Any:
        """Store an object in one request.

        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        """
        conditions = await self._conditions(key, uri, replacing)
        for pause_s in _CONFLICT_PAUSES_S:
            try:
                return await self.ask("put_object", uri, Key=key, Body=body, **conditions, **parameters)
            except WriteConflict:
                await asyncio.sleep(pause_s)
            except BlobMissing as error:
                raise BlobChanged(uri) from error
            except BlobChanged as error:
                there = await self.head(key, uri) if was_repeated(error) else {}
                if there.get("Metadata", {}) != parameters.get("Metadata"):
                    raise
                return there  # our own: of the first request only the answer was lost
        raise BlobChanged(uri)

    async def complete(self, key: str, uri: str, replacing: Replacing, **parameters: Any) -> Any:
        """Make an object of the parts of an upload.

        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        """
        # Some stores that heed conditions on whole objects overlook them here.
        await self.require(key, uri, replacing)
        conditions = await self._conditions(key, uri, replacing)
        try:
            return await self.ask("complete_multipart_upload", uri, Key=key, **conditions, **parameters)
        except (WriteConflict, BlobMissing) as error:
            raise BlobChanged(uri) from error

    async def probe(self, prefix: str) -> None:
        """Find out whether the store heeds conditions, where nobody has yet.

        :param prefix: where an object may be put for a moment
        :raises InvalidInput: the key may not write there
        """
        await self._can_compare(prefix)

    async def require(self, key: str, uri: str, replacing: Replacing) -> None:
        """Look whether what is there now may be replaced.

        :raises BlobChanged: it may not, or is gone
        """
        if replacing is Over.ANYTHING:
            return
        try:
            version = (await self.head(key, uri))["ETag"]
        except BlobMissing as error:
            if replacing is not Over.NOTHING:
                raise BlobChanged(uri) from error
        else:
            if version != replacing:
                raise BlobChanged(uri)

    async def _conditions(self, key: str, uri: str, replacing: Replacing) -> Mapping[str, str]:
        """What to send along, so that the store compares and swaps; one that cannot is looked at just before."""
        if replacing is Over.ANYTHING:
            return {}
        if not await self._can_compare(key):
            await self.require(key, uri, replacing)
            return {}
        return {"IfNoneMatch": "*"} if replacing is Over.NOTHING else {"IfMatch": str(replacing)}

    async def _can_compare(self, key: str) -> bool:
        """Whether the store heeds conditions; tried once, since no store tells."""
        async with self._comparing.lock:
            if self._comparing.is_heeded is None:
                folder, slash, _ = key.rpartition("/")
                self._comparing.is_heeded = await self._probe(f"{folder}{slash}.probe-{uuid4().hex}")
                if not self._comparing.is_heeded:
                    _logger.warning(
                        "the bucket %r does not heed conditions on writes: of two that write the same key at the same "
                        "moment, the last one wins",
                        self.place.bucket,
                    )
            return self._comparing.is_heeded

    async def _probe(self, key: str) -> bool:
        uri = f"s3://{self.place.bucket}/{key}"
        await self.ask("put_object", uri, Key=key, Body=b"")
        try:
            return all([await self._refuses(key, uri, IfNoneMatch="*"), await self._refuses(key, uri, IfMatch='"0"')])
        finally:
            await self.ask("delete_object", uri, Key=key)

    async def _refuses(self, key: str, uri: str, **unmet: str) -> bool:
        """Whether a write is refused because of a condition, rather than carried out or not understood."""
        try:
            await self.ask("put_object", uri, Key=key, Body=b"", **unmet)
        except BlobChanged:
            return True
        except (NotOffered, InvalidInput):
            return False
        return False
