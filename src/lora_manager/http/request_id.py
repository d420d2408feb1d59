"""Which request it was: an id that the client gave, or a new one; in every answer, every problem and the log."""

import re
import secrets
from typing import Any

_GIVEN = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}")


def request_id(scope: Any) -> str:
    """The id of the request of this ASGI scope; the client's where it is fit for a header and a log line."""
    state = scope["state"]
    if (known := state.get("request_id")) is not None:
        return str(known)
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    chosen = given.decode("ascii") if _GIVEN.fullmatch(given) else secrets.token_hex(16)
    state["request_id"] = chosen
    return chosen
