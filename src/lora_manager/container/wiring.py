"""Which implementation stands behind which port."""

import random
from collections.abc import Sequence
from datetime import timedelta

from blake3 import blake3
from dependency_injector import containers, providers

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.blobs.s3 import S3BlobStore
from lora_manager.adapters.database.catalog import SqlCatalog
from lora_manager.adapters.database.delivery_catalog import SqlDeliveryCatalog
from lora_manager.adapters.database.figures import SqlFigureCatalog
from lora_manager.adapters.database.part import DatabasePart
from lora_manager.adapters.database.publication_catalog import SqlPublicationCatalog
from lora_manager.adapters.database.unit_of_work import SqlAlchemyUnitOfWork
from lora_manager.adapters.sinks.blob import BlobMetadataSink
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.adapters.system.identifiers import MonotonicIdentifiers
from lora_manager.app.access.authenticate import Authenticate
from lora_manager.app.application import Application
from lora_manager.app.chore import Chore
from lora_manager.app.deliveries.change_delivery import CancelDelivery, RetryDelivery
from lora_manager.app.deliveries.deliver_composition import DeliverComposition
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery
from lora_manager.app.deliveries.watch_delivery import WatchDelivery
from lora_manager.app.files.clear_abandoned import ClearAbandoned
from lora_manager.app.files.export_sidecars import ExportSidecars
from lora_manager.app.files.open_file import OpenFile, OpenPreview
from lora_manager.app.files.pull_files import PullFiles
from lora_manager.app.files.push_files import PushFiles
from lora_manager.app.files.upload_file import UploadFile
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
from lora_manager.app.metadata.publisher import Publisher
from lora_manager.app.metadata.show_metadata import ShowMetadata
from lora_manager.app.metadata.sync_metadata import SyncMetadata
from lora_manager.app.prompts.active_arrangements import ActiveArrangements
from lora_manager.app.prompts.compose_prompt import ComposePrompt, Dialects
from lora_manager.app.prompts.parse_prompt import ParsePrompt
from lora_manager.app.validation.validate_lora import ValidateLora
from lora_manager.app.validation.validate_loras import ValidateLoras
from lora_manager.container.observed import Observed
from lora_manager.container.resources import Resources
from lora_manager.container.workers import open_worker
from lora_manager.domain.access import digest_of
from lora_manager.domain.prompt import DIALECTS, TemplateDialect
from lora_manager.ports.clock import Clock
from lora_manager.ports.publications import PublicationCatalog
from lora_manager.ports.readiness import Part
from lora_manager.settings import Settings


def parts_of(resources: Resources, settings: Settings) -> tuple[Part, ...]:
    """What the service cannot do without."""
    candidates = [resources.queue, resources.files]
    if settings.metadata.sync:
        candidates.append(resources.documents)
    return (DatabasePart(resources.database), *(one for one in candidates if isinstance(one, Part)))


def chores_of(resources: Resources, settings: Settings, publisher: Publisher) -> tuple[Chore, ...]:
    """What a process that serves or works does besides."""
    stores = [one for one in (resources.bucket, resources.documents) if isinstance(one, S3BlobStore)]
    clearing = ClearAbandoned(stores, timedelta(seconds=settings.s3.abandoned_after_s))
    return (*((publisher,) if settings.metadata.sync else ()), *((clearing,) if stores else ()))


def publications_of(catalog: SqlPublicationCatalog, settings: Settings) -> PublicationCatalog | None:
    """Where publications stand; None where changes are not published."""
    return catalog if settings.metadata.sync else None


def scanned_of(resources: Resources, settings: Settings) -> Sequence[str]:
    """What is scanned unless a folder is named: not the uploads, which whoever uploads them registers."""
    remote = [resources.bucket.root] if settings.storage_type == "s3" and resources.bucket is not None else []
    return [*settings.library_roots, *remote]


def dialects_of(settings: Settings) -> Dialects:
    """The dialects that a deployment speaks; a configured template is its default."""
    if settings.token_format is None:
        return Dialects(DIALECTS, default="a1111")
    template = TemplateDialect(settings.token_format)
    return Dialects({**DIALECTS, template.name: template}, default=template.name)


def authenticate_of(resources: Resources, settings: Settings, clock: Clock) -> Authenticate:
    """Who makes a request, by the keys of this deployment."""
    access = settings.access
    single = None if access.api_key is None else digest_of(access.api_key)
    return Authenticate(resources.keys, clock, single, always_needed=access.keys_file_is_named)


class Container(containers.DeclarativeContainer):
    """Ties all together; everything in it is synchronous."""

    resources = providers.Dependency(instance_of=Resources)
    settings = providers.Dependency(instance_of=Settings)
    observed = providers.Dependency(instance_of=Observed)

    clock = providers.Singleton(SystemClock)
    identifiers = providers.Singleton(MonotonicIdentifiers)
    log = observed.provided.log
    chance = providers.Object(random.random)
    database = resources.provided.database
    reader = resources.provided.reader
    catalog = providers.Singleton(SqlCatalog, reader)
    library = resources.provided.library
    begin = providers.Factory(SqlAlchemyUnitOfWork, database, publishes=settings.provided.metadata.sync).provider
    inspect = providers.Singleton(InspectFile, library, providers.Object(blake3))
    dialects = providers.Singleton(dialects_of, settings)
    queue = resources.provided.queue
    deliveries = providers.Singleton(SqlDeliveryCatalog, reader)
    publications = providers.Singleton(SqlPublicationCatalog, reader)
    sink = providers.Singleton(BlobMetadataSink, resources.provided.documents)
    publisher = providers.Singleton(Publisher, begin, catalog, sink, clock, log, chance, resources.provided.tracer)
    validator = resources.provided.validator
    bucket = resources.provided.bucket
    compose_prompt = providers.Singleton(
        ComposePrompt, catalog, dialects, providers.Singleton(ActiveArrangements, catalog), log, clock
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
    scanned = providers.Singleton(scanned_of, resources, settings)
    start_scan = providers.Singleton(StartScan, begin, scan_library, clock, identifiers, scanned)

    application = providers.Singleton(
        Application,
        catalog=catalog,
        report=catalog,
        deliveries=deliveries,
        publications=providers.Singleton(publications_of, publications, settings),
        parts=providers.Singleton(parts_of, resources, settings),
        figures=providers.Singleton(SqlFigureCatalog, reader),
        metrics=observed.provided.metrics,
        tracer=resources.provided.tracer,
        authenticate=providers.Singleton(authenticate_of, resources, settings, clock),
        rate_limiter=resources.provided.rate_limiter,
        chores=providers.Singleton(chores_of, resources, settings, publisher),
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
        upload_file=providers.Singleton(UploadFile, resources.provided.files),
        open_file=providers.Singleton(OpenFile, catalog, library),
        open_preview=providers.Singleton(OpenPreview, catalog, library),
        push_files=providers.Singleton(PushFiles, library, bucket),
        pull_files=providers.Singleton(PullFiles, bucket, providers.Object(LocalBlobStore)),
        export_sidecars=providers.Singleton(ExportSidecars, catalog, library, providers.Object(LocalBlobStore)),
        show_metadata=providers.Singleton(ShowMetadata, catalog),
        sync_metadata=providers.Singleton(SyncMetadata, begin, catalog, publications, sink, publisher),
        validate_lora=providers.Singleton(ValidateLora, begin, catalog, validator, clock, log),
        validate_loras=providers.Singleton(ValidateLoras, begin, catalog, validator, clock, log),
        enqueue_delivery=enqueue_delivery,
        deliver_composition=providers.Singleton(DeliverComposition, compose_prompt, enqueue_delivery),
        cancel_delivery=providers.Singleton(CancelDelivery, begin, queue, log),
        retry_delivery=providers.Singleton(RetryDelivery, begin, queue, log),
        watch_delivery=providers.Singleton(WatchDelivery, deliveries),
        open_worker=providers.Callable(open_worker, settings, resources, begin, deliveries, log).provider,
    )
