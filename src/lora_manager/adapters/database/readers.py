"""Reading what is committed, without holding anybody up.

Both readers run the same SQLAlchemy Core queries. PostgreSQL is asked through the engine. SQLite is asked through plain
``sqlite3`` connections: handing a query to the driver's thread and back costs five times what a short query takes.
See docs/adr/0001-sqlite-reads-on-the-event-loop.md.
"""

import asyncio
import sqlite3
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.dialects import sqlite

from lora_manager.adapters.database.engine import BUSY_TIMEOUT_S, CACHE_KIB, Database
from lora_manager.adapters.database.errors import is_busy, translated
from lora_manager.adapters.database.url import SqliteFile

ResultT = TypeVar("ResultT")
Rows = Sequence[Sequence[Any]]


class Run(Protocol):
    """Runs queries inside one snapshot."""

    @property
    @abstractmethod
    def holds_the_loop(self) -> bool:
        """Whether the event loop stands still meanwhile; work that turns out long raises :class:`TooLong` then."""

    @abstractmethod
    def __call__(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Rows: ...


class TooLong(Exception):
    """The work is too long for the event loop."""


class Reader(Protocol):
    """Runs work that reads; all that one work reads is of one moment, after the call began."""

    @abstractmethod
    def version(self) -> int | None:
        """A number that changes whenever anybody commits anything; None where the database does not tell."""

    @abstractmethod
    async def read(self, work: Callable[[Run], ResultT], *, quick: bool = False) -> ResultT:
        """Run the work.

        :param work: not asynchronous; may be run a second time when the first ended early
        :param quick: it takes some tens of microseconds, whatever the registry holds
        :raises Unavailable: the database does not answer
        """


@asynccontextmanager
async def open_reader(database: Database) -> AsyncIterator[Reader]:
    """The reader for this database."""
    if not isinstance(database.place, SqliteFile):
        yield PostgresReader(database)
        return
    reader = SqliteReader(database.place)
    try:
        yield reader
    finally:
        reader.close()


class PostgresReader(Reader):
    """Reads through the engine's pool."""

    def __init__(self, database: Database) -> None:
        self._place = database.place
        self._engine = database.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def version(self) -> None:
        return None

    async def read(self, work: Callable[[Run], ResultT], *, quick: bool = False) -> ResultT:
        with translated(self._place):
            async with self._engine.connect() as connection:
                return await connection.run_sync(lambda synchronous: work(_PostgresRun(synchronous)))


class _PostgresRun(Run):
    holds_the_loop = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Rows:
        return self._connection.execute(query, parameters).all()


class SqliteReader(Reader):
    """Reads quick things on the event loop, and everything else in one thread, each with a connection of its own.

    The version is asked for once in each turn of the loop. Whatever is handled in a turn had arrived before it, so
    nobody who waited for a commit can have been told of it before this looked, and miss it here.
    """

    def __init__(self, place: SqliteFile) -> None:
        self._place = place
        self._version: int | None = None
        self._is_version_known = False
        self._near = _SqliteSnapshots(place.path, holds_the_loop=True)
        self._far = _SqliteSnapshots(place.path, holds_the_loop=False)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-reader")

    def version(self) -> int | None:
        if not self._is_version_known:
            with translated(self._place):
                self._version = self._near.version()
            self._is_version_known = True
            asyncio.get_running_loop().call_soon(self._forget_version)
        return self._version

    def _forget_version(self) -> None:
        self._is_version_known = False

    async def read(self, work: Callable[[Run], ResultT], *, quick: bool = False) -> ResultT:
        with translated(self._place):
            if quick:
                try:
                    return self._near.read(work)
                except TooLong:
                    pass
                except sqlite3.OperationalError as error:
                    if not is_busy(error):
                        raise
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._far.read, work)

    def close(self) -> None:
        """Wait for what runs, and close."""
        self._thread.shutdown(cancel_futures=True)
        self._near.close()
        self._far.close()


class _SqliteSnapshots(Run):
    """One connection that only reads, opened at its first use and used by one thread at a time."""

    def __init__(self, path: Path, *, holds_the_loop: bool) -> None:
        self._path = path
        self._holds_the_loop = holds_the_loop
        self._connection: sqlite3.Connection | None = None

    @property
    def holds_the_loop(self) -> bool:
        return self._holds_the_loop

    def version(self) -> int | None:
        try:
            (version,) = self._opened().execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError as error:
            if is_busy(error):
                return None
            raise
        return int(version)

    def read(self, work: Callable[[Run], ResultT]) -> ResultT:
        connection = self._opened()
        connection.execute("BEGIN")
        try:
            return work(self)
        finally:
            connection.execute("ROLLBACK")

    def __call__(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> Rows:
        return _compiled(query).run(self._opened(), parameters or {})

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"{self._path.as_uri()}?mode=rw",  # an existing file; a reader of a WAL writes to its index
                uri=True,
                timeout=0 if self._holds_the_loop else BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return self._connection


_DIALECT: Dialect = sqlite.dialect(paramstyle="named")


class _Compiled:
    """A query as SQL text, with what turns its parameters and columns into SQLite's values and back."""

    def __init__(self, query: Select[Any]) -> None:
        compiled = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        self._sql = str(compiled)
        self._given = compiled.params
        self._to_stored = {
            name: processor
            for parameter, name in compiled.bind_names.items()
            if (processor := parameter.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)) is not None
        }
        self._from_stored = [
            (place, processor)
            for place, column in enumerate(query.selected_columns)
            if (processor := column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)) is not None
        ]

    def run(self, connection: sqlite3.Connection, parameters: Mapping[str, Any]) -> Rows:
        values = {**self._given, **parameters}
        for name, processor in self._to_stored.items():
            values[name] = processor(values[name])
        rows: list[list[Any]] = [list(row) for row in connection.execute(self._sql, values)]
        for place, processor in self._from_stored:
            for row in rows:
                row[place] = processor(row[place])
        return rows


@lru_cache(maxsize=512)
def _compiled(query: Select[Any]) -> _Compiled:
    return _Compiled(query)
