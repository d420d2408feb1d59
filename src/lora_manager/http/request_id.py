"""Which request it was: an id that the client gave, or a new one; in every answer, every problem and the log."""

import os
import re
from typing import Any

_GIVEN = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}")


def request_id(scope: Any) -> str:
    """The id of the request of this ASGI scope; the client's where it is fit for a header and a log line."""
    state = scope["state"]
    known: str | None = state.get("request_id")
    if known is None:
        given: bytes = dict(scope["headers"]).get(b"x-request-id", b"")
        known = state["request_id"] = given.decode("ascii") if _GIVEN.fullmatch(given) else os.urandom(16).hex()
    return known
