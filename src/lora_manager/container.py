"""The one place that ties ports to their implementations."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from blake3 import blake3
from dependency_injector import containers, providers

from lora_manager.adapters.database.catalog import SqlCatalog
from lora_manager.adapters.database.delivery_catalog import SqlDeliveryCatalog
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.migrate import NEWEST_REVISION, prepare, upgrade
from lora_manager.adapters.database.part import DatabasePart
from lora_manager.adapters.database.readers import Reader, open_reader
from lora_manager.adapters.database.unit_of_work import SqlAlchemyUnitOfWork
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.observability.logging_event_log import LoggingEventLog
from lora_manager.adapters.queues.in_process import InProcessQueue
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.adapters.system.identifiers import MonotonicIdentifiers
from lora_manager.adapters.system.worker_name import worker_name
from lora_manager.app.application import Application
from lora_manager.app.deliveries.change_delivery import CancelDelivery, RetryDelivery
from lora_manager.app.deliveries.deliver_composition import DeliverComposition
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery
from lora_manager.app.deliveries.watch_delivery import WatchDelivery
from lora_manager.app.deliveries.worker import Worker, WorkerOptions
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
from lora_manager.domain.delivery import Mode
from lora_manager.domain.errors import InvalidInput
from lora_manager.domain.prompt import DIALECTS, TemplateDialect
from lora_manager.ports.deliveries import DeliveryCatalog
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.readiness import Part
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.work_queue import WorkQueue
from lora_manager.settings import Settings, mask_url


@dataclass(frozen=True, slots=True)
class Resources:
    """What has to be opened before anything can be tied together, and closed after."""

    database: Database
    reader: Reader
    library: LocalLibrary
    queue: WorkQueue


def parts_of(resources: Resources) -> tuple[Part, ...]:
    """What the service cannot do without."""
    queue = (resources.queue,) if isinstance(resources.queue, Part) else ()
    return (DatabasePart(resources.database), *queue)


def dialects_of(settings: Settings) -> Dialects:
    """The dialects that a deployment speaks; a configured template is its default."""
    if settings.token_format is None:
        return Dialects(DIALECTS, default="a1111")
    template = TemplateDialect(settings.token_format)
    return Dialects({**DIALECTS, template.name: template}, default=template.name)


@asynccontextmanager
async def open_worker(
    settings: Settings, begin: BeginUnitOfWork, deliveries: DeliveryCatalog, queue: WorkQueue, log: EventLog
) -> AsyncIterator[Worker]:
    """A worker, with all that it sends through, for as long as the block lasts."""
    # Most commands send nothing, and start a tenth of a second sooner without these.
    from lora_manager.adapters.blobs.artefacts import LocalArtefactStore
    from lora_manager.adapters.dispatch.by_mode import DispatcherByMode
    from lora_manager.adapters.dispatch.cli import CliDispatcher
    from lora_manager.adapters.dispatch.comfyui import ComfyDispatcher
    from lora_manager.adapters.dispatch.http import HttpDispatcher
    from lora_manager.adapters.dispatch.sdnext import SdnextDispatcher
    from lora_manager.adapters.outbound.client import OutboundClient

    options = WorkerOptions(
        name=worker_name(),
        concurrency=settings.worker_concurrency,
        at_once=settings.runtime_concurrency,
        lease=timedelta(seconds=settings.worker_lease_s),
        grace=timedelta(seconds=settings.worker_grace_s),
    )
    artefacts = LocalArtefactStore(settings.artefacts_dir)
    client = OutboundClient(settings.delivery_allowed_hosts)
    dispatcher = DispatcherByMode(
        {
            Mode.HTTP: HttpDispatcher(client),
            Mode.CLI: CliDispatcher(settings.cli_commands, artefacts),
            Mode.COMFYUI: ComfyDispatcher(client),
            Mode.SDNEXT: SdnextDispatcher(client, artefacts),
        }
    )
    try:
        yield Worker(options, begin, deliveries, dispatcher, queue, log, random.random)
    finally:
        await client.aclose()


class Container(containers.DeclarativeContainer):
    """Which implementation stands behind which port; everything in it is synchronous."""

    resources = providers.Dependency(instance_of=Resources)
    settings = providers.Dependency(instance_of=Settings)

    clock = providers.Singleton(SystemClock)
    identifiers = providers.Singleton(MonotonicIdentifiers)
    log = providers.Singleton(LoggingEventLog)
    database = resources.provided.database
    reader = resources.provided.reader
    catalog = providers.Singleton(SqlCatalog, reader)
    library = resources.provided.library
    begin = providers.Factory(SqlAlchemyUnitOfWork, database).provider
    inspect = providers.Singleton(InspectFile, library, providers.Object(blake3))
    dialects = providers.Singleton(dialects_of, settings)
    queue = resources.provided.queue
    deliveries = providers.Singleton(SqlDeliveryCatalog, reader)
    compose_prompt = providers.Singleton(
        ComposePrompt, catalog, dialects, providers.Singleton(ActiveArrangements, catalog)
    )
    enqueue_delivery = providers.Singleton(
        EnqueueDelivery,
        begin,
        queue,
        identifiers,
        log,
        settings.provided.delivery_allowed_hosts,
        settings.provided.cli_commands,
    )
    scan_library = providers.Singleton(ScanLibrary, begin, catalog, library, clock, identifiers, log)
    start_scan = providers.Singleton(StartScan, begin, scan_library, clock, identifiers, library.roots)

    application = providers.Singleton(
        Application,
        catalog=catalog,
        report=catalog,
        deliveries=deliveries,
        parts=providers.Singleton(parts_of, resources),
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
        compose_prompt=compose_prompt,
        parse_prompt=providers.Singleton(ParsePrompt, catalog, dialects),
        scan_library=scan_library,
        start_scan=start_scan,
        show_scan=providers.Singleton(ShowScan, begin, clock),
        enqueue_delivery=enqueue_delivery,
        deliver_composition=providers.Singleton(DeliverComposition, compose_prompt, enqueue_delivery),
        cancel_delivery=providers.Singleton(CancelDelivery, begin, queue, log),
        retry_delivery=providers.Singleton(RetryDelivery, begin, queue, log),
        watch_delivery=providers.Singleton(WatchDelivery, deliveries),
        open_worker=providers.Callable(open_worker, settings, begin, deliveries, queue, log).provider,
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
        reader = await stack.enter_async_context(open_reader(database))
        library = LocalLibrary(settings.library_roots)
        stack.callback(library.close)
        queue = await stack.enter_async_context(_open_queue(settings))
        container = Container(resources=Resources(database, reader, library, queue), settings=settings)
        container.check_dependencies()
        application: Application = container.application()
        stack.push_async_callback(application.start_scan.aclose)
        yield application


@asynccontextmanager
async def _open_queue(settings: Settings) -> AsyncIterator[WorkQueue]:
    if settings.queue_url is None:
        yield InProcessQueue()
        return
    try:
        from lora_manager.adapters.queues.saq import open_saq_queue
    except ImportError as error:
        extra = "redis" if settings.queue_url.startswith("redis") else "postgres"
        raise InvalidInput(f"QUEUE_URL needs more: pip install 'lora-manager[server,{extra}]'") from error
    async with open_saq_queue(settings.queue_url, mask_url(settings.queue_url)) as queue:
        yield queue
