"""What `lora-manager doctor` looks at.

Each check opens for itself what it needs, so that one thing that is broken keeps nobody from looking at the others.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from lora_manager.adapters.blobs.s3 import open_s3
from lora_manager.adapters.checks.civitai import CivitaiCheck, ValidationServiceCheck
from lora_manager.adapters.checks.commands import Commands
from lora_manager.adapters.checks.data_folder import DataFolder
from lora_manager.adapters.checks.disk_space import DiskSpace
from lora_manager.adapters.checks.folders import FolderNesting
from lora_manager.adapters.checks.keys import Keys
from lora_manager.adapters.checks.library_root import LibraryRoot
from lora_manager.adapters.checks.part import PartCheck
from lora_manager.adapters.checks.runtimes import Runtimes
from lora_manager.adapters.checks.settled import Settled
from lora_manager.adapters.database.check import DatabaseCheck
from lora_manager.adapters.database.recent_targets import recent_targets
from lora_manager.adapters.database.url import SqliteFile, parse_url
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.container.keys import keys_of
from lora_manager.container.resources import open_bucket, open_documents, open_queue, s3_access
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.diagnosis import Check, Diagnosis, Health
from lora_manager.settings import Settings, mask_url

_S3_AWAY = "check that it runs and can be reached, or correct S3_ENDPOINT"


def checks_of(settings: Settings) -> Sequence[Check]:
    """Everything to look at, in the order in which it is told."""
    data_dir, roots = str(settings.data_dir), settings.library_roots
    return (
        DatabaseCheck(settings.database_url, auto_migrate=settings.auto_migrate),
        *map(LibraryRoot, roots),
        DataFolder(data_dir, [os.path.basename(settings.uploads_dir), os.path.basename(settings.artefacts_dir)]),
        FolderNesting(roots, data_dir),
        DiskSpace([*_database_folder(settings), data_dir, *roots]),
        _bucket(settings),
        _documents(settings),
        _queue(settings),
        _registry(settings),
        Runtimes(settings.delivery_allowed_hosts, partial(recent_targets, settings.database_url)),
        Commands(settings.cli_commands),
        _keys(settings),
    )


def _database_folder(settings: Settings) -> list[str]:
    try:
        place = parse_url(settings.database_url)
    except InvalidInput:  # which the check of the database tells
        return []
    return [str(place.path.parent)] if isinstance(place, SqliteFile) else []


def _bucket(settings: Settings) -> Check:
    s3 = settings.s3
    if s3.bucket is None:
        return _settled("bucket", "none is set; files are kept on local disks")

    @asynccontextmanager
    async def opened() -> AsyncIterator[BlobStore | None]:
        async with open_s3(s3_access(settings)) as connection:
            yield open_bucket(settings, connection)

    place = f"s3://{s3.bucket}/{s3.prefix}".rstrip("/")
    return PartCheck("bucket", opened, f"{place} answers, and takes our key", way_out=_S3_AWAY)


def _documents(settings: Settings) -> Check:
    metadata = settings.metadata
    if not metadata.sync:
        return _settled("metadata store", "changes are not published, since METADATA_SYNC is off")
    if metadata.bucket is None:
        return _settled("metadata store", f"documents go to {settings.data_dir / metadata.prefix}")

    @asynccontextmanager
    async def opened() -> AsyncIterator[BlobStore]:
        async with open_s3(s3_access(settings)) as connection:
            yield open_documents(settings, connection)

    place = f"s3://{metadata.bucket}/{metadata.prefix}".rstrip("/")
    return PartCheck("metadata store", opened, f"{place} answers, and takes our key", way_out=_S3_AWAY)


def _queue(settings: Settings) -> Check:
    if settings.queue_url is None:
        return _settled("queue", "none is set; lora-manager serve sends deliveries itself")
    answers = f"{mask_url(settings.queue_url)} answers; deliveries are sent by lora-manager worker"
    return PartCheck("queue", partial(open_queue, settings), answers, way_out="start it, or correct QUEUE_URL")


def _registry(settings: Settings) -> Check:
    civitai = settings.civitai
    if civitai.validate_url is not None:
        return ValidationServiceCheck(civitai.validate_url)
    return CivitaiCheck(civitai.base_url, civitai.api_key)


def _keys(settings: Settings) -> Check:
    access = settings.access
    return Keys(
        keys_of(settings).store,
        SystemClock(),
        file=str(access.keys_file),
        file_is_named=access.keys_file_is_named,
        single_key_length=None if access.api_key is None else len(access.api_key),
    )


def _settled(subject: str, finding: str) -> Check:
    return Settled(Diagnosis(subject, Health.GOOD, finding))
