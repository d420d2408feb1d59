"""A request as the handlers see it."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import cast
from uuid import UUID

from litestar import Request
from litestar.datastructures import State

from lora_manager.app.application import Application
from lora_manager.domain.access import Caller, Scope
from lora_manager.domain.errors import Failure, InvalidInput
from lora_manager.domain.media_types import ANY_TYPE
from lora_manager.http.etags import is_known
from lora_manager.http.guard import Guard
from lora_manager.http.rendering import RenderedAdapters, RenderedCompositions
from lora_manager.http.strict import InputT, read_json, read_query

MAX_BODY = 10_000_000
_JSON = re.compile(rb'application/(?:[\w.+-]+\+)?json(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)


class BodyTooLarge(InvalidInput):
    """A body is longer than :data:`MAX_BODY`."""


class UnsupportedMediaType(InvalidInput):
    """A body is not declared to be JSON."""


class LengthRequired(InvalidInput):
    """A body that is to be stored does not say how long it is."""

    def __init__(self) -> None:
        super().__init__(
            "the request must say in Content-Length how long the file is; with curl, send it by --data-binary @FILE "
            "or --upload-file FILE, not from a pipe"
        )


class ClientGone(Failure):
    """The client went away while it was sending."""


class ApiRequest(Request[None, None, State]):
    """A request that reads its input strictly, and knows the application.

    Litestar's own typed parameters would turn "1" into 1 and report the first wrong field only.
    """

    @property
    def application(self) -> Application:
        """All that can be asked of."""
        application: Application = self.app.state["application"]
        return application

    @property
    def adapters(self) -> RenderedAdapters:
        """The JSON of adapters."""
        adapters: RenderedAdapters = self.app.state["adapters"]
        return adapters

    @property
    def compositions(self) -> RenderedCompositions:
        """The JSON of compositions."""
        compositions: RenderedCompositions = self.app.state["compositions"]
        return compositions

    async def admit(self, wanted: Scope) -> None:
        """Return if whoever asks may.

        :raises Forbidden: they may not
        :raises TooManyRequests: they ask too often
        """
        self.scope["state"]["caller"] = await self.guard.admit(self.scope, wanted)

    def require(self, scope: Scope) -> None:
        """Return if whoever was admitted may do this as well.

        :raises ScopeMissing: they may not
        """
        caller: Caller = self.scope["state"]["caller"]
        caller.require(scope)

    @property
    def guard(self) -> Guard:
        """Who lets them in."""
        guard: Guard = self.app.state["guard"]
        return guard

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the server is told to stop: what would go on has to end then."""
        stopping: asyncio.Event = self.app.state["stopping"]
        return stopping

    @property
    def path_id(self) -> UUID:
        """The id in the path."""
        return cast("UUID", self.scope["path_params"]["id"])

    def header(self, name: bytes) -> str | None:
        """A header by its name in lower case; the values of several are one list."""
        values = [value for key, value in self.scope["headers"] if key == name]
        return b", ".join(values).decode("latin-1") if values else None

    def is_known(self, tag: str) -> bool:
        """Whether what it asks for carries this entity tag, and the client says that it has that already."""
        known = self.header(b"if-none-match")
        return known is not None and self.scope["method"] in {"GET", "HEAD"} and is_known(known, tag)

    def query(self, kind: type[InputT]) -> InputT:
        """The query string.

        :raises InvalidFields: naming every wrong parameter
        """
        return read_query(kind, self.scope["query_string"])

    async def input(self, kind: type[InputT]) -> InputT:
        """The JSON body.

        :raises MalformedBody: it is no JSON object
        :raises InvalidFields: naming every wrong field
        :raises UnsupportedMediaType: it is something else, or does not say what it is
        :raises BodyTooLarge: it is longer than this service takes
        """
        body = await self._read()
        self._check_media_type()
        return read_json(kind, body)

    async def input_if_any(self, kind: type[InputT]) -> InputT:
        """The JSON body, or what its defaults say where there is none.

        :raises MalformedBody: as :meth:`input`, and so on
        """
        body = await self._read()
        if not body:
            return kind()
        self._check_media_type()
        return read_json(kind, body)

    @property
    def upload_length(self) -> int:
        """How long the file is that the body holds, to which the server holds the client.

        :raises LengthRequired: it does not say
        :raises BodyTooLarge: it is longer than this service takes
        :raises UnsupportedMediaType: it is declared to be something else
        """
        declared = self.header(b"content-type")
        if declared is not None and declared.partition(";")[0].strip().lower() != ANY_TYPE:
            raise UnsupportedMediaType(
                f"the body is a file: its Content-Type must be {ANY_TYPE}, or not be sent, but is {declared!r}"
            )
        given = self.header(b"content-length")
        if given is None or not given.isdecimal():
            raise LengthRequired
        length, limit = int(given), self.guard.max_upload_bytes
        if length > limit:
            raise BodyTooLarge(f"the file is longer than {limit} bytes; MAX_UPLOAD_BYTES allows more")
        return length

    async def content(self) -> AsyncGenerator[bytes, None]:
        """The body in chunks, as it comes: what is not asked for is not taken from the client.

        :raises ClientGone: it did not come to its end
        """
        more = True
        while more:
            chunk, more = await self._next()
            yield chunk

    def _check_media_type(self) -> None:
        """A body must say that it is JSON: what a web page may send to any address unasked never does."""
        given = self.scope["state"]["headers"].get(b"content-type", b"")
        if given != b"application/json" and not _JSON.fullmatch(given):  # mostly it is just this
            said = repr(given.decode("latin-1")) if given else "none"
            raise UnsupportedMediaType(f"the body's Content-Type must be application/json, is {said}")

    async def _read(self) -> bytes:
        """The body whole."""
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            chunk, more = await self._next()
            size += len(chunk)
            if size > MAX_BODY:
                raise BodyTooLarge(f"the body is longer than {MAX_BODY} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    async def _next(self) -> tuple[bytes, bool]:
        """What the server hands over next, and whether there is more. Litestar's reading costs ten times as much."""
        event = await self.receive()
        if event["type"] != "http.request":
            raise ClientGone("the client went away before the request was complete")
        return event["body"], event["more_body"]
