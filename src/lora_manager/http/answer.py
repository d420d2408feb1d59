"""Answers as bytes that are ready to be sent. What every answer carries besides is added by ``Envelope``."""

from collections.abc import Sequence
from typing import Any

import msgspec

Header = tuple[bytes, bytes]

JSON = b"application/json"
to_json = msgspec.json.Encoder().encode


class Answer:
    """A status, headers and a body.

    It stands in for Litestar's own response, whose building of headers takes as long as the rest of a request.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, media_type: bytes = JSON, headers: Sequence[Header] = ()
    ) -> None:
        self.body = body
        self.status = status
        self.headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            *headers,
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - what ASGI calls it with
        """Send it; to HEAD without the body."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})

    def to_asgi_response(self, **_: Any) -> "Answer":
        """Itself: Litestar asks this of what an exception handler returns."""
        return self


class EmptyAnswer(Answer):
    """An answer that has no body and says nothing of one."""

    __slots__ = ()

    def __init__(self, status: int, headers: Sequence[Header] = ()) -> None:
        self.body = b""
        self.status = status
        self.headers = list(headers)


def json_answer(content: msgspec.Struct, *, status: int = 200, headers: Sequence[Header] = ()) -> Answer:
    """The content as JSON."""
    return Answer(to_json(content), status=status, headers=headers)


async def gone(receive: Any) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
