"""What is found out about a database, without making or changing one."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from lora_manager.adapters.database import check, sqlite_look
from lora_manager.adapters.database.check import DatabaseCheck
from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.migrate import NEWEST_REVISION
from lora_manager.adapters.database.recent_targets import recent_targets
from lora_manager.domain.delivery import CliTarget, ComfyTarget, HttpTarget, Mode
from lora_manager.domain.errors import Failure
from lora_manager.ports.diagnosis import Diagnosis, Health
from tests.contract.examples import a_delivery, a_lora
from tests.contract.postgres import PostgresServer
from tests.contract.stores import SYSTEMS, NewUrl, sql_stores
from tests.contract.test_database_away import damage
from tests.permissions import folder_for_anyone, unprivileged

NOWHERE = "postgresql://ann:s3cret@127.0.0.1:9/loras"


async def looked(url: str, *, auto_migrate: bool = True) -> Sequence[Diagnosis]:
    found = await DatabaseCheck(url, auto_migrate=auto_migrate).look()
    assert {one.subject for one in found} == {"database"}
    return found


async def set_revision(url: str, revision: str) -> None:
    async with open_database(url) as database, database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


@pytest.fixture(params=SYSTEMS)
def migrated_url(request: pytest.FixtureRequest, new_url: NewUrl) -> str:
    return new_url(request.param)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


# Whatever the system


@pytest.mark.parametrize("auto_migrate", [True, False])
async def test_a_database_that_is_up_to_date_is_well(migrated_url: str, auto_migrate: bool) -> None:
    [found] = await looked(migrated_url, auto_migrate=auto_migrate)
    assert (found.health, found.advice) == (Health.GOOD, None)
    assert found.finding.endswith(f"revision {NEWEST_REVISION}")


async def test_a_database_that_is_behind_is_bad_unless_a_start_mends_it(migrated_url: str) -> None:
    await set_revision(migrated_url, "0001")
    [bad], [doubtful] = await looked(migrated_url, auto_migrate=False), await looked(migrated_url)
    assert (bad.health, bad.advice) == (Health.BAD, "make a backup, then run lora-manager migrate")
    assert (doubtful.health, "backup" in str(doubtful.advice)) == (Health.DOUBTFUL, True)
    assert f"revision 0001 and behind this release ({NEWEST_REVISION})" in bad.finding


async def test_a_database_of_a_newer_program_is_bad(migrated_url: str) -> None:
    await set_revision(migrated_url, "9999")
    [found] = await looked(migrated_url)
    assert found.health is Health.BAD
    assert "revision 9999, which a newer lora-manager made" in found.finding
    assert "update lora-manager" in str(found.advice)


async def test_a_database_without_tables_is_bad_unless_a_start_makes_them(empty_url: str) -> None:
    async with open_database(empty_url) as database, database.engine.connect():
        pass  # on SQLite this makes the file
    [bad], [good] = await looked(empty_url, auto_migrate=False), await looked(empty_url)
    assert (bad.health, bad.advice) == (Health.BAD, "run lora-manager migrate")
    assert (good.health, good.advice) == (Health.GOOD, None)


async def test_an_address_that_cannot_be_used_is_bad() -> None:
    [found] = await looked("mysql://ann:s3cret@host/loras")
    assert found.health is Health.BAD
    assert "DATABASE_URL must be" in found.finding
    assert "s3cret" not in str(found)


# SQLite


async def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a/db.sqlite"
    [good], [bad] = await looked(url), await looked(url, auto_migrate=False)
    assert good.health is Health.GOOD
    assert good.finding == f"there is none at {tmp_path}/a/db.sqlite yet; the first start makes it"
    assert (bad.health, bad.advice) == (Health.BAD, "run lora-manager migrate")
    assert os.listdir(tmp_path) == []


async def test_a_file_that_is_looked_at_stays_as_it_was(new_url: NewUrl) -> None:
    path = path_of(url := new_url("sqlite"))
    before = path.read_bytes()
    await looked(url)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


async def test_a_file_that_is_damaged_asks_for_its_backup_and_says_where(new_url: NewUrl) -> None:
    url = new_url("sqlite")
    async with sql_stores(url) as stores:
        await stores.add(*(a_lora(str(number), description="x" * 2_000) for number in range(100)))
    damage(path_of(url))
    [found] = await looked(url)
    assert found.health is Health.BAD
    assert "is damaged: " in found.finding
    assert f"put a backup in the place of {path_of(url)}" in str(found.advice)


async def test_a_file_that_is_no_database_is_bad(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.write_bytes(b"no database, but text\n" * 100)
    [found] = await looked(f"sqlite:///{path}")
    assert found.health is Health.BAD
    assert "the file is no SQLite database" in found.finding
    assert found.advice == "check DATABASE_URL, or restore a backup if it was one"


async def test_a_file_or_folder_that_cannot_be_written_to_is_bad(sqlite_template: Path) -> None:
    with folder_for_anyone() as folder:
        for name in ("closed", "open", "secret"):
            (folder / name).mkdir()
            shutil.copy(sqlite_template, folder / name / "db.sqlite")
        (folder / "open" / "db.sqlite").chmod(0o444)
        (folder / "closed").chmod(0o555)
        (folder / "secret").chmod(0o600)
        with unprivileged():
            founds = [
                await looked(f"sqlite:///{folder}/{name}")
                for name in ("closed/new.sqlite", "closed/db.sqlite", "open/db.sqlite", "secret/db.sqlite")
            ]
    assert [found.health for [found] in founds] == [Health.BAD] * 4
    assert all(f"{folder}/" in found.finding and found.advice for [found] in founds)


async def test_a_file_that_another_program_writes_to_all_the_time_is_doubtful(
    new_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_look, "_BUSY_TIMEOUT_S", 0)
    url = new_url("sqlite")
    with _held(path_of(url)):
        good, doubtful = await looked(url)
    assert (good.health, doubtful.health) == (Health.GOOD, Health.DOUBTFUL)
    assert "another program" in doubtful.finding


@contextmanager
def _held(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_looking_for_damage_ends_when_its_time_is_up(new_url: NewUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_look, "_STEPS", 1)
    monkeypatch.setattr(sqlite_look, "_CHECKING_S", 0)
    [found] = await looked(new_url("sqlite"))
    assert found.health is Health.GOOD
    assert "undamaged as far as there was time to look" in found.finding


async def test_a_file_without_a_write_ahead_log_is_doubtful(new_url: NewUrl) -> None:
    url = new_url("sqlite")
    with closing(sqlite3.connect(path_of(url))) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    good, doubtful = await looked(url)
    assert (good.health, doubtful.health) == (Health.GOOD, Health.DOUBTFUL)
    assert "write-ahead log" in doubtful.finding


async def test_a_file_on_a_network_file_system_is_doubtful(new_url: NewUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_look, "remote_file_system_of", lambda _: "nfs4")
    good, doubtful = await looked(new_url("sqlite"))
    assert (good.health, doubtful.health) == (Health.GOOD, Health.DOUBTFUL)
    assert "network file system (nfs4)" in doubtful.finding


# PostgreSQL


async def test_a_server_that_is_away_is_told_without_the_password() -> None:
    [found] = await looked(NOWHERE)
    assert found.health is Health.BAD
    assert "the connection was refused or lost" in found.finding
    assert "s3cret" not in str(found)
    assert "DATABASE_URL" in str(found.advice)


async def test_a_server_is_told_with_its_version(new_url: NewUrl) -> None:
    [found] = await looked(new_url("postgresql"))
    assert found.finding.startswith("PostgreSQL at postgresql://")
    assert ", version 1" in found.finding


async def test_a_server_that_takes_no_changes_is_bad(new_url: NewUrl) -> None:
    url = new_url("postgresql")
    async with open_database(url) as database, database.engine.begin() as connection:
        name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
        await connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    _, found = await looked(url)
    assert found.health is Health.BAD
    assert "default_transaction_read_only" in str(found.advice)


async def test_a_server_without_connections_to_spare_is_doubtful(
    new_url: NewUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_SPARE_CONNECTIONS", 100_000)
    _, found = await looked(new_url("postgresql"))
    assert found.health is Health.DOUBTFUL
    assert "connections are in use" in found.finding


async def test_a_standby_is_bad(new_url: NewUrl, postgres_server: PostgresServer) -> None:
    url = new_url("postgresql")
    name = url.partition("/test_")[2].partition("?")[0]
    pretend = "CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'"
    ahead = f"ALTER DATABASE test_{name} SET search_path = public, pg_catalog"
    postgres_server.execute(pretend, ahead, database=f"test_{name}")
    found = await looked(url)
    assert [one.health for one in found] == [Health.GOOD, Health.BAD]
    assert "standby" in found[1].finding


# Where deliveries went


async def test_recent_deliveries_tell_where_they_went_the_latest_first(migrated_url: str) -> None:
    async with sql_stores(migrated_url) as stores:
        comfy = {"base_url": "http://gpu:8188", "workflow": {"1": {"class_type": "X", "inputs": {}}}}
        await stores.accept(
            a_delivery(params={"host": "receiver", "port": 9_000}),
            a_delivery(mode=Mode.COMFYUI, params=comfy),
            a_delivery(params={"host": "from an older release"}),
            a_delivery(mode=Mode.CLI, params={}),
        )
    cli, runtime, http = await recent_targets(migrated_url)
    assert isinstance(cli, CliTarget)
    assert isinstance(runtime, ComfyTarget)
    assert runtime.base_url == "http://gpu:8188"
    assert isinstance(http, HttpTarget)
    assert (http.host, http.port) == ("receiver", 9_000)


async def test_of_a_database_that_is_not_up_to_date_no_deliveries_are_read(migrated_url: str, tmp_path: Path) -> None:
    await set_revision(migrated_url, "0001")
    assert await recent_targets(migrated_url) == ()
    assert await recent_targets(f"sqlite:///{tmp_path}/gone/db.sqlite") == ()
    assert "gone" not in os.listdir(tmp_path)


async def test_deliveries_of_a_database_that_is_away_cannot_be_read() -> None:
    with pytest.raises(Failure):
        await recent_targets(NOWHERE)
