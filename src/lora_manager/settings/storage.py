"""Where files and documents are kept, and whom to ask about them."""

from dataclasses import dataclass, field

from lora_manager.settings import values
from lora_manager.settings.reading import Reading

STORAGES = ("local", "s3")
CIVITAI = "https://civitai.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """An S3 service and the bucket for files in it.

    :param bucket: None where files are kept nowhere but on local disks
    :param prefix: what the keys of files begin with, without a slash at its end; may be empty
    :param endpoint: of an S3 service other than Amazon's
    :param public_endpoint: the same as clients reach it, for the addresses they are given
    :param access_key_id: None leaves it to the machine's own AWS configuration
    :param abandoned_after_s: seconds without a new part after which an upload of several parts is given up
    """

    bucket: str | None
    prefix: str
    endpoint: str | None
    public_endpoint: str | None
    region: str
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)
    abandoned_after_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataSettings:
    """Where metadata documents are published.

    :param sync: whether every change is published by itself
    :param storage: ``s3`` or ``local``
    :param bucket: None where the storage is local
    """

    sync: bool
    storage: str
    bucket: str | None
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CivitaiSettings:
    """The outside registry.

    :param validate_url: of a service that judges documents in its place
    """

    base_url: str
    validate_url: str | None
    api_key: str | None = field(repr=False)


def read_s3(reading: Reading, storage_type: str) -> S3Settings:
    """The S3 service; what belongs together is wrong when half of it is missing."""
    read, given = reading.read, reading.given
    if storage_type == "s3" and "S3_BUCKET" not in given:
        reading.refuse("S3_BUCKET", "must name the bucket when STORAGE_TYPE is s3")
    key_pair = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name, other in (key_pair, reversed(key_pair)):
        if name not in given and other in given:
            reading.refuse(name, f"must be set when {other} is; unset both to use the machine's own AWS configuration")
    return S3Settings(
        bucket=read("S3_BUCKET", values.bucket, None),
        prefix=read("S3_PREFIX", values.prefix, ""),
        endpoint=read("S3_ENDPOINT", values.address, None),
        public_endpoint=read("S3_PUBLIC_ENDPOINT", values.address, None),
        region=read("AWS_REGION", values.secret, "us-east-1"),
        access_key_id=read("AWS_ACCESS_KEY_ID", values.secret, None, values.hidden),
        secret_access_key=read("AWS_SECRET_ACCESS_KEY", values.secret, None, values.hidden),
        abandoned_after_s=read("S3_ABANDONED_AFTER_S", values.whole_number(1, 604_800), 3_600),
    )


def read_metadata(reading: Reading, files: S3Settings) -> MetadataSettings:
    """Where documents go; unless told otherwise into the bucket of the files, and without one beside the database."""
    read, given = reading.read, reading.given
    bucket = read("METADATA_BUCKET", values.bucket, files.bucket)
    storage = read("METADATA_STORAGE", values.one_of(STORAGES), "local" if bucket is None else "s3")
    if storage == "s3" and bucket is None and not {"METADATA_BUCKET", "S3_BUCKET"} & given.keys():
        reading.refuse("METADATA_BUCKET", "must name the bucket when METADATA_STORAGE is s3 and S3_BUCKET is not set")
    return MetadataSettings(
        sync=read("METADATA_SYNC", values.boolean, default=False),
        storage=storage,
        bucket=bucket if storage == "s3" else None,
        prefix=read("METADATA_PREFIX", values.prefix, "metadata"),
    )


def read_civitai(reading: Reading) -> CivitaiSettings:
    """The outside registry."""
    return CivitaiSettings(
        base_url=reading.read("CIVITAI_BASE_URL", values.address, CIVITAI),
        validate_url=reading.read("CIVITAI_VALIDATE_URL", values.address, None),
        api_key=reading.read("CIVITAI_API_KEY", values.secret, None, values.hidden),
    )
