"""Where deliveries went of late."""

from collections.abc import Sequence

from sqlalchemy import select

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.migrate import NEWEST_REVISION, revision_in
from lora_manager.adapters.database.readers import open_reader
from lora_manager.adapters.database.sqlite_look import revision_in as revision_in_file
from lora_manager.adapters.database.tables import deliveries
from lora_manager.adapters.database.url import SqliteFile, parse_url
from lora_manager.domain.delivery import Target, parse_target
from lora_manager.domain.errors import InvalidFields

_DELIVERIES = 200


async def recent_targets(url: str) -> Sequence[Target]:
    """The targets of the latest 200 deliveries, the latest first; none while the tables are not up to date.

    :param url: the DATABASE_URL; no database is made
    :raises Failure: it does not answer, or cannot be used
    """
    place = parse_url(url)
    if isinstance(place, SqliteFile) and await apart(lambda: revision_in_file(place)) != NEWEST_REVISION:
        return ()
    async with open_database(url, pool_size=1) as database, open_reader(database) as reader:
        if not isinstance(place, SqliteFile) and await _revision(database) != NEWEST_REVISION:
            return ()
        query = select(deliveries.c.mode, deliveries.c.params).order_by(deliveries.c.id.desc()).limit(_DELIVERIES)
        rows = await reader.read(lambda run: run(query))
    targets: list[Target] = []
    for mode, params in rows:
        try:
            targets.append(parse_target(mode, params))
        except InvalidFields:  # accepted by a release that allowed more
            continue
    return targets


async def _revision(database: Database) -> str | None:
    with translated(database.place):
        async with database.engine.connect() as connection:
            return await connection.run_sync(revision_in)
