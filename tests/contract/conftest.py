"""The stores that the contract suites run against: in memory, SQLite, and PostgreSQL from its wheel."""

from collections.abc import AsyncIterator

import pytest

from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.tables import metadata
from tests.contract.postgres import PostgresServer
from tests.contract.stores import SYSTEMS, NewUrl, Stores, memory_stores, sql_stores


@pytest.fixture(params=SYSTEMS)
def empty_url(request: pytest.FixtureRequest, new_url: NewUrl) -> str:
    """The DATABASE_URL of a database without tables."""
    return new_url(request.param, migrated=False)


@pytest.fixture(params=("memory", *SYSTEMS))
def url(request: pytest.FixtureRequest, new_url: NewUrl) -> str | None:
    """The DATABASE_URL of an empty registry; None stands for memory."""
    if request.param == "memory":
        return None
    if request.param == "sqlite":
        return new_url("sqlite")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name: str = request.getfixturevalue("postgres_shared")
    server.execute(f"TRUNCATE {', '.join(metadata.tables)}", database=name)  # ten times as fast as a new database
    return server.url(name)


@pytest.fixture
async def stores(url: str | None) -> AsyncIterator[Stores]:
    """An empty registry."""
    if url is None:
        yield memory_stores()
        return
    async with sql_stores(url) as stores:
        yield stores


@pytest.fixture(params=SYSTEMS)
async def database(request: pytest.FixtureRequest, new_url: NewUrl) -> AsyncIterator[Database]:
    """A database with up-to-date, empty tables."""
    async with open_database(new_url(request.param)) as database:
        yield database
