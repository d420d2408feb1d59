"""What has to be known of an SQLite file before SQLite opens it."""

import os

from lora_manager.adapters.database.url import SqliteFile
from lora_manager.domain.errors import Unavailable


def require_whole(place: SqliteFile) -> None:
    """See that no write-ahead log lies beside a file that is gone or empty: SQLite would delete it without a word.

    :raises Unavailable: one does
    """
    log = f"{place.path}-wal"
    # The log first: who makes a database writes to its file before there is a log.
    if _size(log) and not _size(str(place.path)):
        reason = f"it is gone or empty, but what was written last is still in {log}; restore both from a backup"
        raise Unavailable(f"the database at {place} does not answer: {reason}, or move that file away")


def _size(path: str) -> int:
    """0 where there is no such file, or it does not let itself be looked at."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
