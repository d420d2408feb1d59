"""The one place that ties ports to their implementations."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from blake3 import blake3
from dependency_injector import containers, providers

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.database.catalog import SqlCatalog, open_catalog
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.migrate import NEWEST_REVISION, prepare, upgrade
from lora_manager.adapters.database.part import DatabasePart
from lora_manager.adapters.database.unit_of_work import SqlAlchemyUnitOfWork
from lora_manager.adapters.observability.logging_event_log import LoggingEventLog
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.adapters.system.identifiers import MonotonicIdentifiers
from lora_manager.app.application import Application
from lora_manager.app.library.inspect_file import InspectFile
from lora_manager.app.library.scan_library import ScanLibrary
from lora_manager.app.library.start_scan import ShowScan, StartScan
from lora_manager.app.loras.activate_lora import ActivateLora, DeactivateLora
from lora_manager.app.loras.change_many import ChangeMany
from lora_manager.app.loras.delete_lora import DeleteLora, RestoreLora
from lora_manager.app.loras.find_duplicates import FindDuplicates
from lora_manager.app.loras.register_lora import RegisterLora
from lora_manager.app.loras.reorder_loras import ReorderLoras
from lora_manager.app.loras.revise_lora import ReviseLora
from lora_manager.app.loras.verify_lora import VerifyLora
from lora_manager.app.prompts.active_arrangements import ActiveArrangements
from lora_manager.app.prompts.compose_prompt import ComposePrompt, Dialects
from lora_manager.app.prompts.parse_prompt import ParsePrompt
from lora_manager.domain.prompt import DIALECTS, TemplateDialect
from lora_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """What has to be opened before anything can be tied together, and closed after."""

    database: Database
    catalog: SqlCatalog
    blobs: LocalBlobStore


def dialects_of(settings: Settings) -> Dialects:
    """The dialects that a deployment speaks; a configured template is its default."""
    if settings.token_format is None:
        return Dialects(DIALECTS, default="a1111")
    template = TemplateDialect(settings.token_format)
    return Dialects({**DIALECTS, template.name: template}, default=template.name)


class Container(containers.DeclarativeContainer):
    """Which implementation stands behind which port; everything in it is synchronous."""

    resources = providers.Dependency(instance_of=Resources)
    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    identifiers = providers.Singleton(MonotonicIdentifiers)
    log = providers.Singleton(LoggingEventLog)
    database = resources.provided.database
    catalog = resources.provided.catalog
    blobs = resources.provided.blobs
    begin = providers.Factory(SqlAlchemyUnitOfWork, database).provider
    inspect = providers.Singleton(InspectFile, blobs, providers.Object(blake3))
    dialects = providers.Singleton(dialects_of, settings)
    scan_library = providers.Singleton(ScanLibrary, begin, catalog, blobs, clock, identifiers, log)
    start_scan = providers.Singleton(StartScan, begin, scan_library, clock, identifiers, blobs.roots)

    application = providers.Singleton(
        Application,
        catalog=catalog,
        report=catalog,
        parts=providers.List(providers.Singleton(DatabasePart, database)),
        register_lora=providers.Singleton(RegisterLora, begin, inspect, clock, identifiers, log),
        revise_lora=providers.Singleton(ReviseLora, begin, clock, log),
        delete_lora=providers.Singleton(DeleteLora, begin, clock, log),
        restore_lora=providers.Singleton(RestoreLora, begin, clock, log),
        activate_lora=providers.Singleton(ActivateLora, begin, clock, log),
        deactivate_lora=providers.Singleton(DeactivateLora, begin, clock, log),
        reorder_loras=providers.Singleton(ReorderLoras, begin, clock, log),
        change_many=providers.Singleton(ChangeMany, begin, clock, log),
        verify_lora=providers.Singleton(VerifyLora, begin, catalog, inspect, clock, log),
        find_duplicates=providers.Singleton(FindDuplicates, catalog, catalog),
        compose_prompt=providers.Singleton(
            ComposePrompt, catalog, dialects, providers.Singleton(ActiveArrangements, catalog)
        ),
        parse_prompt=providers.Singleton(ParsePrompt, catalog, dialects),
        scan_library=scan_library,
        start_scan=start_scan,
        show_scan=providers.Singleton(ShowScan, begin, clock),
    )


async def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the database up to date, whatever AUTO_MIGRATE says.

    :return: the revisions before (None: there were no tables) and after
    :raises Failure: as :func:`open_application`
    """
    async with open_database(settings.database_url) as database:
        return await upgrade(database), NEWEST_REVISION


@asynccontextmanager
async def open_application(settings: Settings) -> AsyncIterator[Application]:
    """The whole application for as long as the block lasts: resources opened, database ready, everything tied.

    :raises Unavailable: the database does not answer, or is behind and may not be migrated here
    :raises InvalidInput: a setting cannot be used
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database_url))
        await prepare(database, auto_migrate=settings.auto_migrate)
        catalog = await stack.enter_async_context(open_catalog(database))
        blobs = LocalBlobStore(settings.library_roots)
        stack.callback(blobs.close)
        container = Container(resources=Resources(database, catalog, blobs), settings=settings)
        container.check_dependencies()
        application: Application = container.application()
        stack.push_async_callback(application.start_scan.aclose)
        yield application
