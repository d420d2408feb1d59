"""What is to become a file: written aside, then put in its place whole; every call may wait for the disk."""

import errno
import hashlib
import os
import time
from contextlib import suppress
from typing import BinaryIO

from lora_manager.adapters.blobs.folder import Folder, version_of
from lora_manager.adapters.blobs.locking import locked
from lora_manager.domain.blob import BlobChanged, BlobMissing, InvalidKey, Over, Replacing

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Draft:
    """One of a folder's, for one key."""

    def __init__(self, folder: Folder, key: str) -> None:
        self._folder = folder
        self._key = key
        self._digest = hashlib.sha256()
        self._path = ""
        self._file: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """Of what was added so far."""
        return self._digest.hexdigest()

    def add(self, content: bytes) -> None:
        """Write on."""
        self._opened().write(content)
        self._digest.update(content)

    def finish(self, replacing: Replacing) -> os.stat_result:
        """Make it the file of the key, so that it lasts through a power cut, and tell what the system says of it.

        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        """
        file = self._opened()
        file.flush()
        now = time.time_ns()  # the system's own stamps are milliseconds apart
        os.utime(self._path, ns=(now, now))
        os.fsync(file.fileno())
        status = os.fstat(file.fileno())
        file.close()  # Windows moves no open file
        path = self._folder.path_to_change(self._key)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with locked(self._folder.lock()):
                self._move(path, replacing)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InvalidKey(self._key, "a file stands where it needs a folder, or a folder where its file") from error
        _sync_folder(os.path.dirname(path))
        return status

    def discard(self) -> None:
        """Leave nothing behind but what was finished."""
        if self._file is not None:
            self._file.close()
            with suppress(FileNotFoundError):
                os.unlink(self._path)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._path = self._folder.new_draft()
            self._file = open(self._path, "xb")  # noqa: SIM115  # closed by discard
        return self._file

    def _move(self, path: str, replacing: Replacing) -> None:
        """Put it in its place; whoever changes something holds the lock, so that what is compared stays as it is."""
        if replacing is Over.NOTHING:
            self._link(path)
            return
        if replacing is not Over.ANYTHING:
            try:
                current = version_of(self._folder.status(self._key))
            except BlobMissing as error:
                raise BlobChanged(path) from error
            if current != replacing:
                raise BlobChanged(path)
        os.replace(self._path, path)

    def _link(self, path: str) -> None:
        """Never over a file, not even over one by somebody who knows nothing of our lock."""
        try:
            os.link(self._path, path)
        except FileExistsError as error:
            raise BlobChanged(path) from error
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if os.path.lexists(path):
                raise BlobChanged(path) from error
            os.replace(self._path, path)


def _sync_folder(folder: str) -> None:
    """Make a rename in the folder last through a power cut; Windows has no such call, and opens no folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
