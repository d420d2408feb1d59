"""A database file that is damaged is named with the way out, and nothing is done to it."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.examples import a_lora
from tests.contract.stores import sql_stores
from tests.crash.faults import error_line, refused
from tests.crash.service import Service

PAGE = 4096
LORAS = 100


@pytest.fixture
async def database(tmp_path: Path, sqlite_template: Path) -> Path:
    """A database with something in it, and nothing in its log."""
    path = tmp_path / "data" / "db.sqlite"
    path.parent.mkdir()
    shutil.copy(sqlite_template, path)
    async with sql_stores(f"sqlite:///{path}") as stores:
        await stores.add(*(a_lora(str(number), description="x" * 2_000) for number in range(LORAS)))
    return path


async def refuses_to_start(database: Path) -> str:
    """The line in which it says why; the files are as they were."""
    service = Service(database.parent.parent, {})
    before = contents(database)
    assert await service.run("serve", "--port", str(service.port)) == 1
    line = error_line(service)
    assert str(database) in line
    for name, content in before.items():
        assert contents(database)[name] == content
    return line


def contents(database: Path) -> dict[str, bytes]:
    """What lies in its folder; an index of the log is made anew whenever it is opened."""
    return {path.name: path.read_bytes() for path in database.parent.iterdir() if not path.name.endswith("-shm")}


async def test_a_file_that_is_garbage_stops_the_start(database: Path) -> None:
    overwrite(database, lambda content: b"\xa5" * len(content))
    line = await refuses_to_start(database)
    assert "no SQLite database; check DATABASE_URL, or restore a backup" in line


async def test_a_file_that_is_cut_off_stops_the_start(database: Path) -> None:
    overwrite(database, lambda content: content[: len(content) // 2])
    assert "it is damaged; restore a backup" in await refuses_to_start(database)


async def test_a_file_that_is_empty_beside_its_log_stops_the_start(database: Path) -> None:
    leave_a_log(database)
    overwrite(database, lambda _: b"")
    line = await refuses_to_start(database)
    assert "it is gone or empty" in line
    assert f"{database}-wal; restore both from a backup" in line


async def test_pages_that_are_damaged_are_told_when_they_are_read_and_the_rest_goes_on(database: Path) -> None:
    overwrite(database, damaged)
    before = contents(database)["db.sqlite"]
    service = Service(database.parent.parent, {})
    async with service.running():
        for _ in range(2):
            detail = await refused(service, "GET", "/adapters?limit=500")
            assert f"the database at {database} does not answer: it is damaged; restore a backup" in detail
        await service.ask("GET", "/health")
        await service.ask("POST", "/compose", json={"prefix": "a quiet harbour"})
    assert b"Traceback" not in service.said
    assert contents(database)["db.sqlite"] == before


async def test_a_log_that_does_not_fit_the_file_is_left_out(database: Path) -> None:
    overwrite(Path(f"{database}-wal"), lambda _: b"\xa5" * 2 * PAGE)
    service = Service(database.parent.parent, {})
    async with service.running():
        assert len(await service.adapters()) == LORAS


def overwrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put something else in a file's place."""
    path.write_bytes(change(path.read_bytes() if path.exists() else b""))


def damaged(content: bytes) -> bytes:
    """With some pages in the middle that are garbage."""
    middle = len(content) // PAGE // 2 * PAGE
    return content[:middle] + b"\xa5" * 8 * PAGE + content[middle + 8 * PAGE :]


def leave_a_log(database: Path) -> None:
    """Leave everything as if a process had died right after a commit."""
    with closing(sqlite3.connect(database)) as dying:
        dying.execute("UPDATE adapters SET weight = 0.5")
        dying.commit()
        left = contents(database)
    for name, content in left.items():
        (database.parent / name).write_bytes(content)
