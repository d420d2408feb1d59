"""What the answers of all servers have in common."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

# RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4
PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""The statuses below 500 after which trying again may succeed."""
_MAX_WAIT = timedelta(days=1)


def parsed(body: bytes) -> Any:
    """What a refusal says; None where it is no JSON, such as the page of a proxy, which says less than the status."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after(value: str, now: datetime) -> timedelta | None:
    """How long the server wants to be left alone, at most a day; None where it does not say.

    Source: RFC 9110 section 10.2.3
    """
    if value.isascii() and value.isdigit():
        wait = timedelta(seconds=min(float(value), _MAX_WAIT.total_seconds()))
    else:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # the latter for a zone beyond all hours
            return None
        wait = min((date if date.tzinfo else date.replace(tzinfo=UTC)) - now, _MAX_WAIT)
    return max(wait, timedelta())
