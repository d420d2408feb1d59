"""The one place that ties ports to their implementations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lora_manager.adapters.database.engine import open_database
from lora_manager.adapters.database.migrate import NEWEST_REVISION, upgrade
from lora_manager.app.application import Application
from lora_manager.container.observed import observe
from lora_manager.container.resources import open_resources
from lora_manager.container.wiring import Container
from lora_manager.settings import Settings

__all__ = ["migrate", "open_application"]


async def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database up to date, whatever AUTO_MIGRATE says.

    :return: the revisions before (None: there were no tables) and after
    :raises Failure: as :func:`open_application`
    """
    async with open_database(settings.database_url) as database:
        return await upgrade(database), NEWEST_REVISION


@asynccontextmanager
async def open_application(settings: Settings, *, is_measured: bool = False) -> AsyncIterator[Application]:
    """The whole application for as long as the block lasts: resources opened, database ready, everything tied.

    A bucket, a broker or another service is contacted when it is first needed, not here.

    :param is_measured: whether metrics are kept, for somebody to fetch
    :raises Unavailable: the database does not answer, or is behind and may not be migrated here
    :raises InvalidInput: a setting cannot be used
    """
    async with open_resources(settings) as resources:
        container = Container(resources=resources, settings=settings, observed=observe(is_measured=is_measured))
        container.check_dependencies()
        application: Application = container.application()
        try:
            yield application
        finally:
            await application.start_scan.aclose()
