"""Which request it was: an id that the client gave, or a new one; in every answer, every problem and the log."""

import os
import re
from collections.abc import Mapping
from typing import Any

_GIVEN = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,128}")


def chosen_id(headers: Mapping[bytes, bytes]) -> str:
    """The id for a request: the client's where it is fit for a header and a log line, else a new one."""
    given = headers.get(b"x-request-id", b"")
    return given.decode("ascii") if _GIVEN.fullmatch(given) else os.urandom(16).hex()


def request_id(scope: Any) -> str:
    """The id of the request of this ASGI scope, which ``Envelope`` has chosen."""
    known: str = scope["state"]["request_id"]
    return known
