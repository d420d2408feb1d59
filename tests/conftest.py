"""What all tests share: how Hypothesis searches, and databases of both systems, PostgreSQL from its wheel."""

import gc
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.migrate import upgrade
from tests.contract.postgres import PostgresServer, run_apart, wheel_server
from tests.contract.s3_server import S3Server, s3_server_running
from tests.contract.stores import NewUrl

_MIGRATED = "migrated"

# Continuous integration tries the same examples on every machine, so that a red build is red everywhere.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure() -> None:
    """Hear Ctrl-C: started by a shell in the background nobody would, nor would the processes that are tested."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Look for garbage only in what the tests make: what was imported and collected stays to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with wheel_server() as server:
        yield PostgresServer(server.get_uri())


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
def s3_server() -> Iterator[S3Server]:
    with s3_server_running() as server:
        yield server


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
