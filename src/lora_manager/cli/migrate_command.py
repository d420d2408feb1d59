"""The command ``lora-manager migrate``."""

import asyncio

import click

from lora_manager.cli.output import say
from lora_manager.cli.session import Session
from lora_manager.settings import mask_url


@click.command("migrate")
@click.pass_obj
def command(session: Session) -> None:
    """Bring the database up to date.

    On SQLite this happens at every start, unless AUTO_MIGRATE is off; on PostgreSQL only here, unless it is on.
    """
    from lora_manager.container import migrate

    settings = session.start()
    before, after = asyncio.run(migrate(settings))
    place = mask_url(settings.database_url)
    if before == after:
        say(f"{place} is up to date (revision {after})")
    else:
        say(f"{place} went from {'no tables' if before is None else f'revision {before}'} to revision {after}")
