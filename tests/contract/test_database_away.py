"""A database that does not answer is ``Unavailable``: with the cause, a way out, and no secret."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from lora_manager.adapters.database.catalog import open_catalog
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.errors import reason_of, translated
from lora_manager.adapters.database.migrate import is_current, upgrade
from lora_manager.adapters.database.part import DatabasePart
from lora_manager.adapters.database.unit_of_work import SqlAlchemyUnitOfWork
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.selection import Selection
from tests.contract.examples import a_lora, new_id
from tests.contract.stores import NewUrl, sql_stores, stores_of
from tests.permissions import folder_for_anyone, unprivileged


async def everything_refuses(database: Database, reason: str) -> None:
    """Reading, writing, migrating and the check of readiness."""

    async def write() -> None:
        async with SqlAlchemyUnitOfWork(database) as uow:
            await uow.loras.get(new_id())

    async with open_catalog(database) as catalog:
        attempts = (
            write,
            catalog.active,
            catalog.tags,
            lambda: catalog.get(new_id()),
            lambda: catalog.page(Selection()),
            lambda: is_current(database),
            lambda: upgrade(database),
            DatabasePart(database).check,
        )
        for attempt in attempts:
            with pytest.raises(Unavailable, match=reason) as refused:
                await attempt()
            assert str(database.place) in str(refused.value)
            assert "s3cret" not in str(refused.value)


async def test_a_database_that_answers_is_ready(database: Database) -> None:
    part = DatabasePart(database)
    await part.check()
    assert part.name == "database"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no database, but text\n" * 100, "no SQLite database"),
        (b"SQLite format 3\x00" + b"\xff" * 4_096, "SQLite|damaged"),
    ],
)
async def test_a_file_that_is_no_database_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "db.sqlite"
    path.write_bytes(content)
    async with open_database(f"sqlite:///{path}") as database:
        await everything_refuses(database, reason)
    assert path.read_bytes() == content


async def test_a_damaged_database_asks_for_its_backup(new_url: NewUrl) -> None:
    url = new_url("sqlite")
    async with sql_stores(url) as stores:
        await stores.add(*(a_lora(str(number), description="x" * 2_000) for number in range(100)))
    path = url.removeprefix("sqlite:///")
    damage(Path(path))
    async with sql_stores(url) as stores:
        with pytest.raises(Unavailable, match=f"{path}.*damaged; restore a backup"):
            await stores.catalog.page(Selection())
        with pytest.raises(Unavailable, match="restore a backup"):
            await stores.add(a_lora())


def damage(path: Path) -> None:
    """Overwrite all but the first page."""
    pages = path.read_bytes()
    path.write_bytes(pages[:4_096].ljust(len(pages), b"\xa5"))


async def test_a_folder_that_cannot_be_made_or_written_is_named() -> None:
    with folder_for_anyone() as folder, unprivileged():
        (folder / "a file").touch()
        with pytest.raises(Unavailable, match=r"a file.*cannot be made"):
            async with open_database(f"sqlite:///{folder}/a file/db.sqlite"):
                pass
        (folder / "closed").mkdir(mode=0o555)
        async with open_database(f"sqlite:///{folder}/closed/db.sqlite") as database:
            await everything_refuses(database, "cannot be opened; check that its folder exists and")


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "db.sqlite"
    async with open_database(f"sqlite:///{path}") as database:
        await upgrade(database)
    assert path.is_file()


async def test_a_database_locked_by_another_program_says_so_and_readers_go_on(
    new_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lora_manager.adapters.database.engine.BUSY_TIMEOUT_S", 0)
    url = new_url("sqlite")
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        async with sql_stores(url) as stores:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="another program holds it locked"):
                await stores.add(a_lora())
            assert list(await stores.catalog.active()) == []
            other.execute("ROLLBACK")
            await stores.add(a_lora())
    finally:
        other.close()


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    async with open_database("postgresql://ann:s3cret@127.0.0.1:9/loras") as database:
        await everything_refuses(database, "refused or lost")


async def test_a_database_that_the_server_does_not_have_is_named(new_url: NewUrl) -> None:
    url = new_url("postgresql", migrated=False).replace("/test_", "/nowhere_")
    async with open_database(url) as database:
        await everything_refuses(database, "does not let us in; check the user, the password and the database")


async def cut_connections(url: str) -> None:
    """End every connection to this database but our own."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    async with open_database(url) as database, database.engine.connect() as connection:
        await connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))  # noqa: S608


async def test_a_connection_lost_inside_a_transaction_is_unavailable_and_the_next_one_works(new_url: NewUrl) -> None:
    lora = a_lora()
    url = new_url("postgresql")
    async with sql_stores(url) as stores:

        async def interrupted() -> None:
            async with stores.begin() as uow:
                await uow.loras.add(lora)
                await cut_connections(url)
                await uow.commit()

        with pytest.raises(Unavailable, match="refused or lost"):
            await interrupted()
        await stores.add(lora)
        await cut_connections(url)
        assert await stores.catalog.get(lora.id) == lora
        await cut_connections(url)
        await stores.add(a_lora("another"))


async def test_a_pool_without_a_free_connection_does_not_answer_in_time(
    new_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lora_manager.adapters.database.engine._POOL_TIMEOUT_S", 0.01)
    async with open_database(new_url("postgresql"), pool_size=1) as database, stores_of(database) as stores:
        async with stores.begin() as uow:
            await uow.loras.get(new_id())
            with pytest.raises(Unavailable, match="does not answer in time"):
                await stores.catalog.active()
        assert list(await stores.catalog.active()) == []


class Reported(Exception):
    """What PostgreSQL reports, by its code."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__(sqlstate)


@pytest.mark.parametrize(
    ("sqlstate", "reason"),
    [
        ("08006", "refused or lost"),
        ("28P01", "does not let us in"),
        ("3D000", "does not let us in"),
        ("53100", "the disk is full"),
        ("53300", "in time"),
        ("57P01", "refused or lost"),
        ("57014", "in time"),
        ("55P03", "in time"),
        ("40P01", "gave way; try again"),
        ("25006", "accepts no changes"),
        ("XX001", "damaged; restore a backup"),
        ("58030", "input/output error"),
    ],
)
def test_what_postgresql_reports_is_said_in_words(sqlstate: str, reason: str) -> None:
    with pytest.raises(Unavailable, match=f"the database at here does not answer: .*{reason}"), translated("here"):
        raise Reported(sqlstate)


@pytest.mark.parametrize(
    "error", [Reported("23505"), Reported("42601"), sqlite3.ProgrammingError("x"), ValueError("x")]
)
def test_what_means_something_else_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as passed, translated("here"):
        raise error
    assert passed.value is error


def test_a_full_disk_is_told_from_a_read_only_file() -> None:
    full, read_only = sqlite3.OperationalError("full"), sqlite3.OperationalError("read-only")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    read_only.sqlite_errorcode = sqlite3.SQLITE_READONLY_DIRECTORY
    assert reason_of(full) == "the disk is full; make room on it"
    assert "it is read-only" in (reason_of(read_only) or "")
