"""Stretches of time and moments, as the command line is told them."""

import re
from datetime import UTC, datetime, timedelta

import click

_DURATION = re.compile(r"(?P<count>[0-9]{1,5})(?P<unit>[mhdw])")
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def duration(text: str) -> timedelta:
    """A stretch of time: a number of minutes, hours, days or weeks.

    :raises click.BadParameter: it is none
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no duration such as 30m, 24h, 90d or 52w")
    return int(match["count"]) * _UNITS[match["unit"]]


def duration_or_date(text: str) -> timedelta | datetime:
    """A stretch of time, or a date in ISO 8601: in UTC unless it says otherwise, and without a time its beginning.

    :raises click.BadParameter: it is neither
    """
    if _DURATION.fullmatch(text):
        return duration(text)
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        expected = "a duration such as 30m, 24h, 90d or 52w, nor a date such as 2030-01-31"
        raise click.BadParameter(f"{text!r} is neither {expected}") from None
