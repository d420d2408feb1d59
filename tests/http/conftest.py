"""The service on the databases it runs on."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path
from typing import NoReturn, cast

import httpx
import pytest

from lora_manager.app.application import Application
from tests.contract.stores import SYSTEMS, NewUrl
from tests.http.keys import keep_keys
from tests.http.service import Open, Service, client_of, running


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The library root, empty."""
    folder = tmp_path / "library"
    folder.mkdir()
    return folder


@pytest.fixture
def sqlite_url(new_url: NewUrl) -> str:
    """The DATABASE_URL of an empty SQLite database."""
    return new_url("sqlite")


@pytest.fixture
async def service(sqlite_url: str, library: Path) -> AsyncIterator[Service]:
    """The service on SQLite."""
    async with running(sqlite_url, library, CLI_COMMANDS='{"draw": ["/bin/cat"], "fail": ["/bin/false"]}') as service:
        yield service


@pytest.fixture(params=SYSTEMS)
def each_url(request: pytest.FixtureRequest, new_url: NewUrl) -> str:
    """The DATABASE_URL of an empty database of either system."""
    return new_url(request.param)


@pytest.fixture
async def each_service(each_url: str, library: Path) -> AsyncIterator[Service]:
    """The service on SQLite and on PostgreSQL, one after the other."""
    async with running(each_url, library) as service:
        yield service


class Untouchable(Open):
    """An application that must not be asked for anything else."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"the application was asked for {name}")


@pytest.fixture
async def shell() -> AsyncIterator[httpx.AsyncClient]:
    """The service without an application behind it: what it refuses, it refuses by itself."""
    async with client_of(nullcontext(cast("Application", Untouchable()))) as client:
        yield client


@pytest.fixture
async def guarded(sqlite_url: str, library: Path, tmp_path: Path) -> AsyncIterator[Service]:
    """The service where keys are asked for: one for each scope, see ``tests.http.keys``."""
    keep_keys(tmp_path / "keys.json")
    async with running(sqlite_url, library, API_KEYS_FILE=str(tmp_path / "keys.json")) as service:
        yield service
