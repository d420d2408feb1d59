from pathlib import Path

import pytest

from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.url import PostgresServer, SqliteFile, parse_url
from lora_manager.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///db.sqlite", "db.sqlite"),
        ("sqlite:///./data/db.sqlite", "data/db.sqlite"),
        ("sqlite:////var/lib/db.sqlite", "/var/lib/db.sqlite"),
        ("sqlite+aiosqlite:///db.sqlite", "db.sqlite"),
        ("SQLite+pysqlite:///db.sqlite", "db.sqlite"),
        ("  sqlite:///a b%20ü.sqlite\n", "a b%20ü.sqlite"),
    ],
)
def test_a_file_may_be_named_relative_or_absolute_whatever_the_driver(url: str, path: str) -> None:
    assert parse_url(url) == SqliteFile(Path(path).absolute())


@pytest.mark.parametrize(
    "scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg2", "postgresql+psycopg"]
)
def test_a_server_may_be_named_whatever_the_driver(scheme: str) -> None:
    url = f"{scheme}://ann:s3cret@db.example:5433/loras?sslmode=require"
    assert parse_url(url) == PostgresServer("postgresql://ann:s3cret@db.example:5433/loras?sslmode=require")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "db.sqlite",
        "mysql://root@localhost/loras",
        "sqlite://",
        "sqlite:///",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite://db.sqlite",
        "sqlite:///db.sqlite?timeout=1",
    ],
)
def test_anything_else_is_refused_by_the_name_of_the_setting_and_what_is_allowed(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"DATABASE_URL must be sqlite:///.*postgresql://"):
        parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@db.example/loras",
        "postgresql://ann:s3cret@a,ann:s3cret@b/loras?password=s3cret",
        "postgresql:///loras?host=/run/postgresql&password=s3cret",
    ],
)
def test_a_place_is_shown_without_its_password(url: str) -> None:
    place = parse_url(url)
    assert "s3cret" not in f"{place} {place!r}"
    assert "loras" in str(place)


@pytest.mark.parametrize(
    "rest", ["u:1234/s3cret@db.example/loras", "u:12?s3cret@db", "u:12#s3cret@db", "u:s3cret@[db", "u:s3cret@\u2100"]
)
def test_nothing_is_shown_of_a_place_whose_password_is_not_quoted_or_that_is_none(rest: str) -> None:
    assert str(PostgresServer(f"postgresql://{rest}")) == "postgresql://***"


async def test_an_address_that_the_driver_cannot_read_is_refused_without_showing_it() -> None:
    async with open_database("postgresql://ann:s3cret@db.example:port/loras") as database:
        with pytest.raises(InvalidInput, match="DATABASE_URL") as refused:
            async with database.engine.connect():
                pass
    assert "s3cret" not in str(refused.value)


async def test_a_missing_driver_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.adapters.database.engine.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match=r"pip install 'lora-manager\[postgres\]'"):
        async with open_database("postgresql://db.example/loras"):
            pass
