"""Artefacts of deliveries on a local disk."""

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from lora_manager.domain.errors import Unavailable
from lora_manager.ports.artefacts import Artefact, ArtefactStore

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full; free some space, or point DATA_DIR at another disk",
    errno.EDQUOT: "the disk quota is used up; free some space, or point DATA_DIR at another disk",
    errno.EACCES: "permission denied; let the user that runs the service write there, or point DATA_DIR elsewhere",
    errno.EPERM: "permission denied; let the user that runs the service write there, or point DATA_DIR elsewhere",
    errno.EROFS: "the file system is read-only; mount it writable, or point DATA_DIR elsewhere",
}


class LocalArtefactStore(ArtefactStore):
    """Files at ``<folder>/<delivery id>/<name>``.

    :param folder: absolute or relative to the working directory; made when it is first needed
    """

    def __init__(self, folder: str) -> None:
        self._folder = os.path.abspath(folder)

    async def put(self, delivery_id: UUID, name: str, content: bytes) -> Artefact:
        return await asyncio.to_thread(self._put, delivery_id, name, content)

    def _put(self, delivery_id: UUID, name: str, content: bytes) -> Artefact:
        folder = os.path.join(self._folder, str(delivery_id))
        path = os.path.join(folder, name)
        try:
            os.makedirs(folder, exist_ok=True)
            with _beside(path) as temporary:
                with open(temporary, "xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            _sync_folder(folder)
        except OSError as error:
            reason = _WAYS_OUT.get(error.errno or 0) or error.strerror or type(error).__name__
            raise Unavailable(f"cannot write to {folder}: {reason}") from error
        return Artefact(name, path, len(content), hashlib.sha256(content).hexdigest())


@contextmanager
def _beside(path: str) -> Iterator[str]:
    """A path for what becomes the file at ``path``; what is left there at the end is removed."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{uuid4().hex}")
    try:
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    """Make a rename in the folder last through a power cut; Windows has no such call, and opens no folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
