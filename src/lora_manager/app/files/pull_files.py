"""Copy the files of a bucket to a local disk."""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from posixpath import splitext

from lora_manager.app.files.copying import Copying, CopyReport, Item, NoBucket, OnProgress
from lora_manager.domain.blob import Blob
from lora_manager.domain.file.record import SAFETENSORS_SUFFIXES
from lora_manager.domain.sidecar import stem_of_companion
from lora_manager.ports.blob_store import BlobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFilesCommand:
    """What to copy.

    :param folder: where to, absolute
    :param prefix: only files whose key begins with this
    :param overwrite: whether a local file that differs is replaced
    :param dry_run: tell what would be done, and do nothing
    """

    folder: str
    prefix: str = ""
    overwrite: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PullFiles:
    """Copy LoRA files, with the sidecars and previews beside them, from the bucket to a local folder.

    What is there already, byte for byte, is left out; so an interrupted run goes on where it stopped.

    :param open_folder: the store that a local folder is
    """

    bucket: BlobStore | None
    open_folder: Callable[[str], BlobStore]

    async def __call__(self, command: PullFilesCommand, on_progress: OnProgress = lambda _: None) -> CopyReport:
        """Copy and report.

        :raises NoBucket: no bucket is named
        :raises Unavailable: the bucket or the disk does not answer; what was copied is kept
        """
        if self.bucket is None:
            raise NoBucket
        folder = self.open_folder(command.folder)
        async with aclosing(self.bucket.list(command.prefix)) as blobs:
            items = [_item(self.bucket, blob) for blob in _of_a_library([blob async for blob in blobs])]
        async with aclosing(folder.list(command.prefix)) as blobs:
            there = {blob.key: blob async for blob in blobs}
        copying = Copying(folder, there, on_progress, overwrite=command.overwrite, dry_run=command.dry_run)
        return await copying.run(items)


def _item(bucket: BlobStore, blob: Blob) -> Item:
    async def digest() -> str | None:
        return (await bucket.stat(blob.key)).sha256

    return Item(
        key=blob.key,
        place=blob.uri,
        size_bytes=blob.size_bytes,
        read=lambda: bucket.read(blob.key, version=blob.version),
        sha256=digest,
    )


def _of_a_library(blobs: Sequence[Blob]) -> list[Blob]:
    """LoRA files, and what lies beside one of them; a bucket may hold much else."""
    loras = [blob.key for blob in blobs if blob.key.lower().endswith(SAFETENSORS_SUFFIXES)]
    keys, stems = set(loras), {splitext(key)[0] for key in loras}
    return [blob for blob in blobs if blob.key in keys or _lora_beside(blob.key) in stems]


def _lora_beside(key: str) -> str | None:
    folder, slash, name = key.rpartition("/")
    companion = stem_of_companion(name)
    return None if companion is None else f"{folder}{slash}{companion[0]}"
