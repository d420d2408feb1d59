"""The connection to the database: how it is opened, and how a transaction that writes begins."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from lora_manager.adapters.database.errors import is_busy, translated
from lora_manager.adapters.database.sqlite_file import require_whole
from lora_manager.adapters.database.url import PostgresServer, SqliteFile, parse_url
from lora_manager.domain.errors import InvalidInput, Unavailable

BUSY_TIMEOUT_S = 5  # how long SQLite waits for another program that writes
CACHE_KIB = 65_536  # pages that a connection keeps; with SQLite's 2 MiB a scan of 10,000 LoRAs takes four times as long
_POOL_TIMEOUT_S = 30
_CONNECT_TIMEOUT_S = 10
_BEGIN = "sqlite_begin"
_POSTGRES_SETTINGS = {
    "application_name": "lora-manager",
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",  # a process that hangs must not hold locks for ever
}


@dataclass(frozen=True, slots=True)
class Database:
    """An open database.

    :param place: where it is; ``str(place)`` holds no secret
    :param write_lock: queues the writers of this process on SQLite, which has one at a time and lets the others poll
    """

    place: SqliteFile | PostgresServer
    engine: AsyncEngine
    write_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that may write; what is not committed inside the block is rolled back.

        On SQLite its first statement takes the write lock, so that what it reads cannot change before it writes.
        """
        async with AsyncExitStack() as stack:
            with translated(self.place):
                if isinstance(self.place, SqliteFile):
                    await stack.enter_async_context(self.write_lock)
                connection = await stack.enter_async_context(self.engine.connect())
            yield await connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})


@asynccontextmanager
async def open_database(url: str, *, pool_size: int = 5) -> AsyncIterator[Database]:
    """Open the database that a DATABASE_URL names; nothing is contacted before it is first used.

    :param url: see :func:`~lora_manager.adapters.database.url.parse_url`
    :param pool_size: connections held open at most
    :raises InvalidInput: the URL names nothing we can use, or the driver is not installed
    :raises Unavailable: the folder of an SQLite file cannot be made, or the file is gone and its log is not
    """
    place = parse_url(url)
    engine = _sqlite_engine(place, pool_size) if isinstance(place, SqliteFile) else _postgres_engine(place, pool_size)
    try:
        yield Database(place, engine)
    finally:
        await engine.dispose()


def _sqlite_engine(place: SqliteFile, pool_size: int) -> AsyncEngine:
    _make_folder(place.path.parent)
    require_whole(place)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(place.path)),
        connect_args={"timeout": BUSY_TIMEOUT_S},
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_S,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"the folder {folder} of the database cannot be made: {error.strerror}") from error


def _set_up_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself: _begin_sqlite does
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")  # a commit that returned survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    cursor.close()


def _switch_to_wal(cursor: DBAPICursor) -> None:
    """Keep readers and the writer from waiting for each other; the file remembers it."""
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            cursor.execute("BEGIN EXCLUSIVE")  # waits for the other one, for BUSY_TIMEOUT_S, which the switch does not
            cursor.execute("ROLLBACK")
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))


def _postgres_engine(place: PostgresServer, pool_size: int) -> AsyncEngine:
    if find_spec("asyncpg") is None:
        missing = "DATABASE_URL names PostgreSQL, whose driver is not installed: pip install 'lora-manager[postgres]'"
        raise InvalidInput(missing)
    import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415  # has no types; comes with an extra

    async def connect() -> Any:
        # asyncpg reads the whole address itself, so that sslmode, socket folders and several hosts work as documented.
        try:
            return await asyncpg.connect(place.dsn, server_settings=_POSTGRES_SETTINGS, timeout=_CONNECT_TIMEOUT_S)
        except ValueError:
            raise InvalidInput("DATABASE_URL is no address of PostgreSQL that asyncpg can read") from None

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT_S,
        pool_pre_ping=True,  # a server that was restarted meanwhile costs nobody an error
        hide_parameters=True,
    )
