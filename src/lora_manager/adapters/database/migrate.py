"""Bringing the tables up to date.

An empty database gets the tables as the code describes them, a filled one the migrations that it lacks; a test shows
that both lead to the same tables.
"""

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select, text

from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.tables import metadata
from lora_manager.domain.errors import InvalidInput, Unavailable

NEWEST_REVISION = "0004"
_LOCK = 0x4C6F5241  # any number nobody else locks: "LoRA" in ASCII
# Source: Alembic, MigrationContext.
_versions = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
_versions.primary_key.name = "alembic_version_pkc"


class DatabaseTooNew(InvalidInput):
    """The database was migrated by a later release than this one."""

    def __init__(self, place: object, found: str, known: str) -> None:
        super().__init__(
            f"the database at {place} was made by a newer lora-manager (it is at revision {found}, "
            f"this one knows up to {known}); update lora-manager, or restore the backup made before that update"
        )


class DatabaseBehind(Unavailable):
    """The tables are older than this release, or there are none yet."""

    def __init__(self, place: object) -> None:
        super().__init__(f"the database at {place} is behind this release: run lora-manager migrate")


async def prepare(database: Database, *, auto_migrate: bool) -> None:
    """Make sure that the tables are those that this release needs.

    :param auto_migrate: bring them up to date where they are behind
    :raises DatabaseBehind: they are behind, and may not be migrated here
    :raises DatabaseTooNew: they are of a later release
    :raises Unavailable: the database does not answer
    """
    if await is_current(database):
        return
    if not auto_migrate:
        raise DatabaseBehind(database.place)
    await upgrade(database)


async def is_current(database: Database) -> bool:
    """Whether the tables are those that this release needs.

    :raises DatabaseTooNew: they are of a later release
    :raises Unavailable: the database does not answer
    """
    with translated(database.place):
        async with database.engine.connect() as connection:
            return await connection.run_sync(_is_current, database.place)


async def upgrade(database: Database) -> str | None:
    """Bring the tables up to date, all or nothing; of several at once the first does it and the rest wait.

    :return: the revision they were at, None where there were none
    :raises DatabaseTooNew: see :func:`is_current`
    :raises Unavailable: the database does not answer
    """
    async with database.writing() as connection:
        with translated(database.place):
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                await connection.execute(text("SET LOCAL lock_timeout = 0"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            found = await connection.run_sync(revision_in)
            if not await connection.run_sync(_is_current, database.place):
                await connection.run_sync(_bring_up_to_date)
            await connection.commit()
    return found


def _is_current(connection: Connection, place: object) -> bool:
    found = revision_in(connection)
    if found in {None, NEWEST_REVISION}:
        return found is not None
    from lora_manager.adapters.database.revisions import known_revisions  # noqa: PLC0415  # see there

    if found not in known_revisions():
        raise DatabaseTooNew(place, found, NEWEST_REVISION)
    return False


def _bring_up_to_date(connection: Connection) -> None:
    if inspect(connection).has_table(_versions.name):
        from lora_manager.adapters.database.revisions import run_upgrade  # noqa: PLC0415  # see there

        run_upgrade(connection)
    else:
        metadata.create_all(connection, checkfirst=False)
        _versions.create(connection)
        connection.execute(insert(_versions).values(version_num=NEWEST_REVISION))


def revision_in(connection: Connection) -> str | None:
    """The revision of the tables; None: there are none of ours."""
    return connection.scalar(select(_versions)) if inspect(connection).has_table(_versions.name) else None
