"""The settings of a deployment, read from the environment; every wrong one is named at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import InvalidFields
from lora_manager.settings import values
from lora_manager.settings.access import AccessSettings, Rate, read_access
from lora_manager.settings.reading import Reading, mask_url
from lora_manager.settings.storage import (
    STORAGES,
    CivitaiSettings,
    MetadataSettings,
    S3Settings,
    read_civitai,
    read_metadata,
    read_s3,
)

__all__ = [
    "AccessSettings",
    "CivitaiSettings",
    "InvalidSettings",
    "MetadataSettings",
    "Rate",
    "S3Settings",
    "Settings",
    "load_settings",
    "mask_url",
]

LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")


class InvalidSettings(InvalidFields):
    """One or more settings are wrong; each is named with what it holds (secrets masked) and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment is told.

    :param database_url: where the registry is kept; may hold a password, so it stays out of the repr
    :param auto_migrate: bring the database up to date at start
    :param library_roots: absolute folders that LoRA files may lie in
    :param storage_type: where uploads go and files are looked for: ``local`` or ``s3``
    :param token_format: the template of a token, None for the default dialect
    :param queue_url: of the broker that wakes workers; None: the worker is in the process that serves
    :param cli_commands: what a delivery may run here, by name, each as a program and its arguments
    :param worker_concurrency: how many deliveries one worker works on at once, 1 or more
    :param runtime_concurrency: how many deliveries one ComfyUI, SD.Next, A1111 or command gets at once, 1 or more
    :param worker_lease_s: seconds after which what a dead worker held goes to another, 1 or more
    :param worker_grace_s: seconds that what is being sent gets to end when a worker is told to stop
    :param traces_endpoint: where traces are sent by OTLP over HTTP; None: nothing is traced
    """

    data_dir: Path
    database_url: str
    auto_migrate: bool
    library_roots: tuple[str, ...]
    storage_type: str
    s3: S3Settings
    metadata: MetadataSettings
    civitai: CivitaiSettings
    token_format: str | None
    queue_url: str | None
    delivery_allowed_hosts: AllowedHosts
    cli_commands: Mapping[str, tuple[str, ...]]
    worker_concurrency: int
    runtime_concurrency: int
    worker_lease_s: int
    worker_grace_s: int
    access: AccessSettings
    traces_endpoint: str | None
    log_format: str
    log_level: str

    @property
    def artefacts_dir(self) -> str:
        """Where deliveries leave files on a local disk."""
        return str(self.data_dir / "deliveries")

    @property
    def uploads_dir(self) -> str:
        """Where uploads go on a local disk."""
        return str(self.data_dir / "uploads")

    def __repr__(self) -> str:
        return f"Settings(database={mask_url(self.database_url)!r}, library_roots={self.library_roots!r})"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set.

    :raises InvalidSettings: naming every wrong variable
    """
    reading = Reading(environ)
    read, given = reading.read, reading.given
    queue_name = "REDIS_URL" if "REDIS_URL" in given else "QUEUE_URL"
    if given.get("QUEUE_URL", given.get(queue_name)) != given.get(queue_name):
        reading.refuse("REDIS_URL", "is another name of QUEUE_URL, which is set to something else; unset one")
    data_dir = Path(given.get("DATA_DIR", "data")).absolute()
    database_url = given.get("DATABASE_URL", f"sqlite:///{data_dir / 'db.sqlite'}")
    storage_type = read("STORAGE_TYPE", values.one_of(STORAGES), "local")
    roots = () if storage_type == "s3" else (os.path.abspath("loras"),)
    s3 = read_s3(reading, storage_type)
    settings = Settings(
        data_dir=data_dir,
        database_url=database_url,
        auto_migrate=read("AUTO_MIGRATE", values.boolean, database_url.startswith("sqlite")),
        library_roots=read("LIBRARY_ROOTS", values.folders, roots),
        storage_type=storage_type,
        s3=s3,
        metadata=read_metadata(reading, s3),
        civitai=read_civitai(reading),
        token_format=read("TOKEN_FORMAT", values.token_format, None),
        queue_url=read(queue_name, values.queue_url, None),
        delivery_allowed_hosts=read("DELIVERY_ALLOWED_HOSTS", AllowedHosts.parse, AllowedHosts.parse("loopback")),
        cli_commands=read("CLI_COMMANDS", values.commands, {}, values.mask_commands),
        worker_concurrency=read("WORKER_CONCURRENCY", values.whole_number(1, 1_000), 50),
        runtime_concurrency=read("RUNTIME_CONCURRENCY", values.whole_number(1, 100), 1),
        worker_lease_s=read("WORKER_LEASE_S", values.whole_number(1, 3_600), 30),
        worker_grace_s=read("WORKER_GRACE_S", values.whole_number(0, 3_600), 10),
        access=read_access(reading, data_dir),
        traces_endpoint=read("OTEL_EXPORTER_OTLP_ENDPOINT", values.address, None),
        log_format=read("LOG_FORMAT", values.one_of(LOG_FORMATS), "console"),
        log_level=read("LOG_LEVEL", values.one_of(LOG_LEVELS), "info"),
    )
    if reading.problems:
        raise InvalidSettings(reading.problems)
    return settings
