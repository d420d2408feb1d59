"""Until when a key counts."""

from datetime import datetime, timedelta

Expiry = timedelta | datetime | None
"""For so long, or until then; None: for ever."""


def expires_at(expiry: Expiry, *, now: datetime) -> datetime | None:
    """From when on it does not count."""
    return now + expiry if isinstance(expiry, timedelta) else expiry
