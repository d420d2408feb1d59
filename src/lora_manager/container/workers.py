"""Workers, with all that they send through."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from lora_manager.adapters.blobs.artefacts import BlobArtefactStore
from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.system.worker_name import worker_name
from lora_manager.app.deliveries.worker import Worker, WorkerOptions
from lora_manager.container.resources import Resources
from lora_manager.domain.delivery import Mode
from lora_manager.ports.deliveries import DeliveryCatalog
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.settings import Settings


@asynccontextmanager
async def open_worker(
    settings: Settings, resources: Resources, begin: BeginUnitOfWork, deliveries: DeliveryCatalog, log: EventLog
) -> AsyncIterator[Worker]:
    """A worker for as long as the block lasts."""
    # Most commands send nothing, and start a tenth of a second sooner without these.
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
    here = BlobArtefactStore(LocalBlobStore(settings.artefacts_dir))
    shared = here if resources.artefacts is None else BlobArtefactStore(resources.artefacts)
    client = OutboundClient(settings.delivery_allowed_hosts, tells_trace=True)
    dispatcher = DispatcherByMode(
        {
            Mode.HTTP: HttpDispatcher(client),
            Mode.CLI: CliDispatcher(settings.cli_commands, here),  # a command reads its prompt from a local file
            Mode.COMFYUI: ComfyDispatcher(client),
            Mode.SDNEXT: SdnextDispatcher(client, shared),
        }
    )
    try:
        yield Worker(options, begin, deliveries, dispatcher, resources.queue, log, random.random, resources.tracer)
    finally:
        await client.aclose()
