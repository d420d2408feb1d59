"""The revisions of the tables, as Alembic runs them.

Apart from ``migrate``, which most starts need no more of than the number: Alembic takes a tenth of a second to load.
"""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file.

    :param connection: what its commands run on; they commit nothing
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "lora_manager.adapters.database:migrations")
    return config


def known_revisions() -> tuple[str, ...]:
    """The revisions that this release knows, the newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def run_upgrade(connection: Connection) -> None:
    """Run what is missing up to the newest revision."""
    command.upgrade(alembic_config(connection), "head")
