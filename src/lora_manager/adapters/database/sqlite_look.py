"""Looking into an SQLite file without making or changing anything; every call may wait for the disk."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from lora_manager.adapters.database.errors import is_busy, translated
from lora_manager.adapters.database.sqlite_file import require_whole
from lora_manager.adapters.database.url import SqliteFile
from lora_manager.adapters.system.mounts import remote_file_system_of
from lora_manager.domain.errors import Unavailable

_BUSY_TIMEOUT_S = 2.0
_CHECKING_S = 5.0  # for looking for damage
_STEPS = 10_000  # of SQLite's machine between two looks at the time: a millisecond or so


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteFacts:
    """What was seen.

    :param damage: what ``PRAGMA quick_check`` says first; None: nothing
    :param is_checked: whether there was time to check everything
    :param is_busy: another program has been writing all the time
    :param network: the kind of the file system, if it is a network's
    """

    size_bytes: int
    revision: str | None = None
    damage: str | None = None
    is_checked: bool = True
    is_wal: bool = True
    is_busy: bool = False
    network: str | None = None


def look_into(place: SqliteFile) -> SqliteFacts | None:
    """What there is to tell of it; None: there is no such file.

    :raises Unavailable: it cannot be read or written
    """
    try:
        size = os.stat(place.path).st_size
        network = remote_file_system_of(str(place.path))
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = f"{error.strerror}; let the user that runs the service read and write it"
        raise Unavailable(f"the database at {place} cannot be looked at: {reason}") from error
    with _opened(place) as connection:
        damage, is_checked = _damage(connection)
        if damage is not None:
            return SqliteFacts(size_bytes=size, damage=damage)
        return SqliteFacts(
            size_bytes=size,
            revision=_revision(connection),
            is_checked=is_checked,
            is_wal=connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal",
            is_busy=_is_written_to(connection),
            network=network,
        )


def revision_in(place: SqliteFile) -> str | None:
    """The revision of its tables; None: there is no such file, or there are none of ours in it.

    :raises Unavailable: it cannot be read
    """
    if not os.path.exists(place.path):
        return None
    with _opened(place) as connection:
        return _revision(connection)


@contextmanager
def _opened(place: SqliteFile) -> Iterator[sqlite3.Connection]:
    # A file that is there: "rw" makes none. "ro" would leave a WAL and its index behind.
    require_whole(place)
    url = f"{place.path.as_uri()}?mode=rw"
    with (
        translated(place),
        closing(sqlite3.connect(url, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as connection,
    ):
        yield connection


def _revision(connection: sqlite3.Connection) -> str | None:
    tables = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    if tables.fetchone() is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _damage(connection: sqlite3.Connection) -> tuple[str | None, bool]:
    """What is damaged, and whether all was looked at."""
    until = time.monotonic() + _CHECKING_S
    connection.set_progress_handler(lambda: time.monotonic() >= until, _STEPS)
    try:
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None, False
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:
            return str(error), True
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return (None if said == "ok" else said), True


def _is_written_to(connection: sqlite3.Connection) -> bool:
    """Whether another one writes all the time; otherwise we could.

    :raises sqlite3.Error: we could not
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            return True
        raise
    connection.execute("ROLLBACK")
    return False
