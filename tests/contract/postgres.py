"""A PostgreSQL server of our own."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg


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

    def execute(self, *statements: str) -> None:
        """Run statements that need no database of their own; not from a coroutine."""

        async def run() -> None:
            connection = await asyncpg.connect(self._url)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

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
