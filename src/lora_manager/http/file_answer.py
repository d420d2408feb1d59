"""Answers that are files: whole or a range of them, as fast as the client takes them."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from lora_manager.app.files.open_file import Elsewhere, OpenedFile
from lora_manager.domain.blob import Span
from lora_manager.domain.errors import Failure
from lora_manager.domain.media_types import media_type_of
from lora_manager.http.answer import Answer, EmptyAnswer, Header, gone
from lora_manager.http.etags import etag
from lora_manager.http.ranges import span_of
from lora_manager.http.request import ApiRequest
from lora_manager.http.request_id import request_id

_IN_URL = "!#$%&'()*+,/:;=?@[]"  # besides letters, digits and -._~ (RFC 3986)
_ATTRIBUTE = "!#$&+^`|"  # besides the same; Source: RFC 8187 section 3.2.1, attr-char
_UNFIT = re.compile(r'[^ -~]|["%\\]')  # for a quoted file name; Source: RFC 6266 appendix D
_logger = logging.getLogger(__name__)


def file_answer(request: ApiRequest, file: OpenedFile | Elsewhere, disposition: str, *more: Header) -> Answer:
    """The file, or the way to it.

    :param disposition: ``attachment``, to be stored, or ``inline``, to be shown
    :param more: headers that come with the file
    :raises RangeNotSatisfiable: the file has none of the bytes asked for
    """
    if isinstance(file, Elsewhere):
        return _moved(file.url)
    tag, last_modified = etag(file.version), _last_modified(file)
    validators: list[Header] = [(b"etag", tag.encode()), (b"cache-control", b"no-cache")]  # kept, it is asked for again
    if last_modified is not None:
        validators.append((b"last-modified", last_modified.encode()))
    if _is_known(request, tag, last_modified):
        return EmptyAnswer(304, validators)
    size, media_type = file.found.size_bytes, media_type_of(file.name)
    headers = [
        *validators,
        (b"accept-ranges", b"bytes"),
        (b"content-disposition", content_disposition(disposition, file.name).encode()),
        *more,
    ]
    span = _span(request, tag, size)
    if span is None:
        return FileAnswer(file.read(Span(end=size or None)), size, media_type, headers)
    begin, end = span.begin, span.end or size
    headers.append((b"content-range", b"bytes %d-%d/%d" % (begin, end - 1, size)))
    return FileAnswer(file.read(span), end - begin, media_type, headers, status=206)


def content_disposition(kind: str, file_name: str) -> str:
    """What to do with the file and what to call it (RFC 6266): any name, also for clients that know ASCII only.

    >>> print(content_disposition("attachment", "墨.sft"))
    attachment; filename="_.sft"; filename*=UTF-8''%E5%A2%A8.sft
    """
    plain = _UNFIT.sub("_", file_name)
    said = f'{kind}; filename="{plain}"'
    if plain == file_name:
        return said
    return f"{said}; filename*=UTF-8''{quote(file_name, safe=_ATTRIBUTE, errors='replace')}"


class FileAnswer(Answer):
    """Bytes of a file, read as the client takes them, and no further once it has gone away.

    :param chunks: of ``length`` bytes in all
    """

    __slots__ = ("_chunks", "_length")

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        length: int,
        media_type: str,
        headers: Sequence[Header],
        *,
        status: int = 200,
    ) -> None:
        self.status = status
        self.headers = [
            (b"content-type", media_type.encode()),
            (b"content-length", b"%d" % length),
            *headers,
        ]
        self._chunks = chunks
        self._length = length

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it; to HEAD without the bytes, which are not read then.

        Where they end early the answer stays incomplete, which makes the server break the connection: so the client
        can tell.
        """
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        end = {"type": "http.response.body", "body": b""}
        if scope["method"] == "HEAD" or not self._length:
            await send(start)
            await send(end)
            return
        left = self._length
        watch = asyncio.create_task(gone(receive))
        try:
            async with aclosing(self._chunks) as chunks:
                # Read before anything is said: where it cannot be, there is still time for a problem document.
                chunk = await anext(chunks, b"")
                await send(start)
                while chunk and not watch.done():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    left -= len(chunk)
                    await asyncio.sleep(0)  # to a client that is gone nothing waits: let the watch see that it is
                    chunk = await _next_of(chunks, scope)
        finally:
            watch.cancel()
        if not left:
            await send(end)


async def _next_of(chunks: AsyncGenerator[bytes, None], scope: Any) -> bytes:
    try:
        return await anext(chunks, b"")
    except Failure as error:
        _logger.warning("request %s: its file ends early: %s", request_id(scope), error)
        return b""


def _moved(url: str) -> Answer:
    """The way to where the file is for now."""
    location = quote(url, safe=_IN_URL).encode()
    return EmptyAnswer(307, [(b"location", location), (b"cache-control", b"no-store"), (b"content-length", b"0")])


def _last_modified(file: OpenedFile) -> str | None:
    """When it was modified: never in the future (RFC 9110 section 8.8.2.1), whatever the file system says."""
    if file.found.modified_ns is None:
        return None
    return formatdate(max(0, min(file.found.modified_ns // 1_000_000_000, int(time.time()))), usegmt=True)


def _is_known(request: ApiRequest, tag: str, last_modified: str | None) -> bool:
    if request.header(b"if-none-match") is not None:
        return request.is_known(tag)
    return last_modified is not None and request.header(b"if-modified-since") == last_modified


def _span(request: ApiRequest, tag: str, size_bytes: int) -> Span | None:
    """The stretch that is asked for; the whole file where the client has a part of another version of it."""
    asked, condition = request.header(b"range"), request.header(b"if-range")
    if asked is None or request.scope["method"] != "GET" or condition not in {None, tag}:
        return None
    return span_of(asked, size_bytes)
