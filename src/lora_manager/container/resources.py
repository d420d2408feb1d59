"""What has to be opened before anything can be tied together, and closed after."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.blobs.s3 import S3Access, S3BlobStore, S3Connection, open_s3
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.migrate import prepare
from lora_manager.adapters.database.readers import Reader, open_reader
from lora_manager.adapters.library.by_scheme import LibraryByScheme
from lora_manager.adapters.library.local import LocalLibrary
from lora_manager.adapters.library.remote import BlobLibrary
from lora_manager.adapters.queues.in_process import InProcessQueue
from lora_manager.container.keys import keys_of
from lora_manager.container.limits import open_rate_limiter
from lora_manager.container.tracing import open_tracing
from lora_manager.container.validators import ConfiguredValidator
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.key_store import KeyStore
from lora_manager.ports.library import Library
from lora_manager.ports.rate_limiter import RateLimiter
from lora_manager.ports.tracing import Tracer
from lora_manager.ports.validator import Validator
from lora_manager.ports.work_queue import WorkQueue
from lora_manager.settings import Settings, mask_url


@dataclass(frozen=True, slots=True)
class Resources:
    """The open ones.

    :param files: where uploads go
    :param bucket: that files are pushed to and pulled from; None where none is named
    :param documents: where metadata documents are published
    :param artefacts: where deliveries leave files; None where that is a local disk
    :param rate_limiter: None where nobody is limited
    """

    database: Database
    reader: Reader
    library: Library
    files: BlobStore
    bucket: S3BlobStore | None
    artefacts: BlobStore | None
    documents: BlobStore
    queue: WorkQueue
    validator: Validator
    keys: KeyStore
    rate_limiter: RateLimiter | None
    tracer: Tracer


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """All resources, for as long as the block lasts.

    :raises Failure: see ``open_application``
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database_url))
        await prepare(database, auto_migrate=settings.auto_migrate)
        reader = await stack.enter_async_context(open_reader(database))
        connection = await stack.enter_async_context(open_s3(s3_access(settings)))
        bucket = open_bucket(settings, connection)
        remote = bucket if settings.storage_type == "s3" else None
        local = LocalLibrary([*settings.library_roots, settings.uploads_dir])
        stack.callback(local.close)
        yield Resources(
            database=database,
            reader=reader,
            library=LibraryByScheme(local, None if bucket is None else BlobLibrary(bucket)),
            files=remote or LocalBlobStore(settings.uploads_dir),
            bucket=bucket,
            artefacts=None if remote is None else open_bucket(settings, connection, "deliveries"),
            documents=open_documents(settings, connection),
            queue=await stack.enter_async_context(open_queue(settings)),
            validator=ConfiguredValidator(settings.civitai, stack),
            keys=keys_of(settings).store,
            rate_limiter=await stack.enter_async_context(open_rate_limiter(settings)),
            tracer=await stack.enter_async_context(open_tracing(settings)),
        )


def open_bucket(settings: Settings, connection: S3Connection, folder: str = "") -> S3BlobStore | None:
    """The bucket for files, or a folder in it; None where none is named."""
    s3 = settings.s3
    return None if s3.bucket is None else S3BlobStore(connection, s3.bucket, f"{s3.prefix}/{folder}")


def open_documents(settings: Settings, connection: S3Connection) -> BlobStore:
    """Where metadata documents are published."""
    metadata = settings.metadata
    if metadata.bucket is None:
        return LocalBlobStore(str(settings.data_dir / metadata.prefix))
    return S3BlobStore(connection, metadata.bucket, metadata.prefix, setting="METADATA_BUCKET", name="metadata store")


def s3_access(settings: Settings) -> S3Access:
    """How the S3 service is reached."""
    s3 = settings.s3
    return S3Access(
        endpoint=s3.endpoint,
        public_endpoint=s3.public_endpoint,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
    )


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[WorkQueue]:
    """What wakes workers.

    :raises InvalidInput: a broker needs a package that is not there
    """
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
