"""All that can be asked of LoRA Manager, in one place."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from lora_manager.app.access.authenticate import Authenticate
from lora_manager.app.chore import Chore
from lora_manager.app.deliveries.change_delivery import CancelDelivery, RetryDelivery
from lora_manager.app.deliveries.deliver_composition import DeliverComposition
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery
from lora_manager.app.deliveries.watch_delivery import WatchDelivery
from lora_manager.app.deliveries.worker import Worker
from lora_manager.app.files.export_sidecars import ExportSidecars
from lora_manager.app.files.open_file import OpenFile, OpenPreview
from lora_manager.app.files.pull_files import PullFiles
from lora_manager.app.files.push_files import PushFiles
from lora_manager.app.files.upload_file import UploadFile
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
from lora_manager.app.metadata.show_metadata import ShowMetadata
from lora_manager.app.metadata.sync_metadata import SyncMetadata
from lora_manager.app.prompts.compose_prompt import ComposePrompt
from lora_manager.app.prompts.parse_prompt import ParsePrompt
from lora_manager.app.validation.validate_lora import ValidateLora
from lora_manager.app.validation.validate_loras import ValidateLoras
from lora_manager.ports.catalog import LibraryReport, LoraCatalog
from lora_manager.ports.deliveries import DeliveryCatalog
from lora_manager.ports.metrics import FigureCatalog, Metrics
from lora_manager.ports.publications import PublicationCatalog
from lora_manager.ports.rate_limiter import RateLimiter
from lora_manager.ports.readiness import Part
from lora_manager.ports.tracing import Tracer


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """The use cases, the read ports that need none, and a worker for whoever wants to run one.

    Get one from ``lora_manager.container.open_application``; HTTP and CLI are thin layers over it.

    :param publications: None where changes are not published
    :param rate_limiter: None where nobody is limited
    :param chores: what a process that serves or works does besides, until it is stopped
    """

    catalog: LoraCatalog
    report: LibraryReport
    deliveries: DeliveryCatalog
    publications: PublicationCatalog | None
    parts: Sequence[Part]
    figures: FigureCatalog
    metrics: Metrics
    tracer: Tracer
    authenticate: Authenticate
    rate_limiter: RateLimiter | None
    register_lora: RegisterLora
    revise_lora: ReviseLora
    delete_lora: DeleteLora
    restore_lora: RestoreLora
    activate_lora: ActivateLora
    deactivate_lora: DeactivateLora
    reorder_loras: ReorderLoras
    change_many: ChangeMany
    verify_lora: VerifyLora
    find_duplicates: FindDuplicates
    compose_prompt: ComposePrompt
    parse_prompt: ParsePrompt
    scan_library: ScanLibrary
    start_scan: StartScan
    show_scan: ShowScan
    upload_file: UploadFile
    open_file: OpenFile
    open_preview: OpenPreview
    push_files: PushFiles
    pull_files: PullFiles
    export_sidecars: ExportSidecars
    show_metadata: ShowMetadata
    sync_metadata: SyncMetadata
    validate_lora: ValidateLora
    validate_loras: ValidateLoras
    enqueue_delivery: EnqueueDelivery
    deliver_composition: DeliverComposition
    cancel_delivery: CancelDelivery
    retry_delivery: RetryDelivery
    watch_delivery: WatchDelivery
    open_worker: Callable[[], AbstractAsyncContextManager[Worker]]
    chores: Sequence[Chore]
