"""What the databases and their drivers report, in the domain's words."""

import sqlite3
from types import TracebackType

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lora_manager.domain.errors import Unavailable

_LOCKED = "another program holds it locked; close that program or try again"
_FULL = "the disk is full; make room on it"
_READ_ONLY = "it is read-only; let the user that runs the service write to the file and its folder"
_DAMAGED = "it is damaged; restore a backup"
_UNREADABLE = "it cannot be opened; check that its folder exists and the user that runs the service may write to it"
_DISK = "the disk could not read or write it (input/output error); check the disk"
_NO_DATABASE = "the file is no SQLite database; check DATABASE_URL, or restore a backup if it was one"
_LOST = "the connection was refused or lost; check that the server runs and DATABASE_URL leads to it"
_REFUSED = "the server does not let us in; check the user, the password and the database in DATABASE_URL"
_BUSY = "it does not answer in time; try again"
_DEADLOCK = "two changes waited for each other and this one gave way; try again"

# The primary result codes. Source: https://sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_PERM: _UNREADABLE,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: _UNREADABLE,
    sqlite3.SQLITE_NOTADB: _NO_DATABASE,
}

# By the beginning of the code, the longest first. Source: PostgreSQL manual, appendix A.
_SQLSTATE = {
    "40P01": _DEADLOCK,
    "40001": _DEADLOCK,
    "25006": "it accepts no changes (a standby?); check that DATABASE_URL leads to the primary server",
    "3D000": _REFUSED,
    "42501": _REFUSED,
    "53100": _FULL,
    "55P03": _BUSY,
    "57014": _BUSY,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "08": _LOST,
    "28": _REFUSED,
    "53": _BUSY,
    "57P": _LOST,
    "58": _DISK,
}


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether another connection is in the way just now."""
    return error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def reason_of(error: BaseException) -> str | None:
    """Why the database does not answer, and the way out; None where the error means something else."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code: int | None = getattr(cause, "sqlite_errorcode", None)
        return _SQLITE.get(code & 0xFF) if code is not None else None
    state: str | None = getattr(cause, "sqlstate", None)
    if state is not None:
        return next((reason for start, reason in _SQLSTATE.items() if state.startswith(start)), None)
    if isinstance(error, DBAPIError):
        return _LOST if error.connection_invalidated else None
    if isinstance(error, PoolTimeout | TimeoutError):
        return _BUSY
    return _LOST if isinstance(error, OSError) else None


class translated:  # noqa: N801  # reads as a word: ``with translated(where):``
    """Turns what the database reports inside the block into ``Unavailable``; what means something else passes.

    :param where: the database as the user may see it, without secrets
    """

    __slots__ = ("_where",)

    def __init__(self, where: object) -> None:
        self._where = where

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and (reason := reason_of(error)) is not None:
            raise Unavailable(f"the database at {self._where} does not answer: {reason}") from error
