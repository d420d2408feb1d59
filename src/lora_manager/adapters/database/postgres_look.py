"""Looking at a PostgreSQL server without changing anything."""

import time
from dataclasses import dataclass

from sqlalchemy import text

from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.migrate import revision_in

_FACTS = text("""
    SELECT
        current_setting('server_version') AS version,
        pg_is_in_recovery() AS is_standby,
        current_setting('transaction_read_only') = 'on' AS is_read_only,
        (SELECT sum(numbackends) FROM pg_stat_database) AS in_use,
        CAST(current_setting('max_connections') AS integer)
            - CAST(current_setting('superuser_reserved_connections') AS integer) AS for_us
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresFacts:
    """What was seen.

    :param ping_ms: milliseconds that a trifle takes, there and back
    :param connections: how many are in use
    :param max_connections: how many there may be, those reserved for administrators left out
    """

    version: str
    revision: str | None
    ping_ms: float
    is_standby: bool
    is_read_only: bool
    connections: int
    max_connections: int


async def look_at(database: Database) -> PostgresFacts:
    """What there is to tell of it.

    :raises Unavailable: it does not answer
    """
    with translated(database.place):
        async with database.engine.connect() as connection:
            facts = (await connection.execute(_FACTS)).one()
            before = time.perf_counter()
            await connection.execute(text("SELECT 1"))
            ping_s = time.perf_counter() - before
            revision = await connection.run_sync(revision_in)
    return PostgresFacts(
        version=facts.version.partition(" ")[0],
        revision=revision,
        ping_ms=1_000 * ping_s,
        is_standby=facts.is_standby,
        is_read_only=facts.is_read_only,
        connections=int(facts.in_use),
        max_connections=facts.for_us,
    )
