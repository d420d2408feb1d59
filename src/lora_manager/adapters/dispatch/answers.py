"""What the answers of all runtimes have in common."""

import json
from http import HTTPStatus
from typing import Any

# RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""The statuses below 500 after which trying again may succeed."""


def parsed(body: bytes) -> Any:
    """What a refusal says; None where it is no JSON, such as the page of a proxy, which says less than the status."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
