"""What SQLite has to be told so that a commit that returned is kept; a power cut cannot be had in a test."""

import pytest

from lora_manager.adapters.database.engine import open_database
from tests.contract.stores import NewUrl


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1), ("busy_timeout", 5_000)],  # 2 is FULL
)
async def test_every_connection_is_told(new_url: NewUrl, pragma: str, value: object) -> None:
    async with (
        open_database(new_url("sqlite")) as database,
        database.engine.connect() as first,
        database.engine.connect() as second,
    ):
        for connection in (first, second):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == value
