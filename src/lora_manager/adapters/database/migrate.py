"""Bringing the tables up to date."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.errors import translated
from lora_manager.domain.errors import InvalidInput, Unavailable

_LOCK = 0x4C6F5241  # any number nobody else locks: "LoRA" in ASCII


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


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file.

    :param connection: what its commands run on; they commit nothing
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "lora_manager.adapters.database:migrations")
    return config


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


async def upgrade(database: Database) -> None:
    """Bring the tables up to date, all or nothing; of several at once the first does it and the rest wait.

    :raises DatabaseTooNew: see :func:`is_current`
    :raises Unavailable: the database does not answer
    """
    async with database.writing() as connection:
        with translated(database.place):
            if connection.dialect.name == "postgresql":
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                await connection.execute(text("SET LOCAL lock_timeout = 0"))
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if not await connection.run_sync(_is_current, database.place):
                await connection.run_sync(lambda synchronous: command.upgrade(alembic_config(synchronous), "head"))
            await connection.commit()


def _is_current(connection: Connection, place: object) -> bool:
    scripts = ScriptDirectory.from_config(alembic_config())
    newest = scripts.get_current_head()
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseTooNew(place, found, str(newest))
    return found == newest
