"""What is to become a file: written aside, then put in its place whole; every call may wait for the disk."""

import errno
import hashlib
import os
import time
from contextlib import suppress
from typing import BinaryIO
from uuid import uuid4

from lora_manager.adapters.blobs.folder import Folder, status_in, version_of
from lora_manager.adapters.system.held_folder import HeldFolder, hold
from lora_manager.domain.blob import BlobChanged, BlobMissing, InvalidKey, Over, Replacing

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class Draft:
    """One of a folder's, for one key."""

    def __init__(self, folder: Folder, key: str) -> None:
        self._folder = folder
        self._key = key
        self._digest = hashlib.sha256()
        self._home: HeldFolder | None = None
        self._name = f".{uuid4().hex}"
        self._file: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """Of what was added so far."""
        return self._digest.hexdigest()

    def add(self, content: bytes) -> None:
        """Write on."""
        _, file = self._opened()
        file.write(content)
        self._digest.update(content)

    def finish(self, replacing: Replacing) -> os.stat_result:
        """Make it the file of the key, so that it lasts through a power cut, and tell what the system says of it.

        :raises BlobChanged: something is there that it may not replace, or what it may replace is gone
        """
        home, file = self._opened()
        file.flush()
        now = time.time_ns()  # the system's own stamps are milliseconds apart
        os.utime(file.fileno() if os.utime in os.supports_fd else file.name, ns=(now, now))
        os.fsync(file.fileno())
        status = os.fstat(file.fileno())
        file.close()  # Windows moves no open file
        try:
            with self._folder.holding(self._key, make=True) as (folder, name):
                with self._folder.locked():
                    self._move(home, folder, name, replacing)
                folder.sync()
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise InvalidKey(self._key, "a file stands where it needs a folder, or a folder where its file") from error
        return status

    def discard(self) -> None:
        """Leave nothing behind but what was finished."""
        if self._home is None:
            return
        with self._home as home:
            if self._file is not None:
                with suppress(OSError):  # what is still to be written may find no room, and is not wanted any more
                    self._file.close()
                with suppress(FileNotFoundError):
                    home.remove(self._name)

    def _opened(self) -> tuple[HeldFolder, BinaryIO]:
        if self._home is None:
            self._home = self._folder.drafts()
        if self._file is None:
            self._file = self._home.make(self._name)
        return self._home, self._file

    def _move(self, home: HeldFolder, folder: HeldFolder, name: str, replacing: Replacing) -> None:
        """Put it in its place; whoever changes something holds the lock, so that what is compared stays as it is."""
        path = self._folder.uri(self._key)
        if replacing is Over.NOTHING:
            self._link(home, folder, name)
            return
        if replacing is not Over.ANYTHING:
            try:
                current = version_of(status_in(folder, name, path))
            except (BlobMissing, FileNotFoundError) as error:
                raise BlobChanged(path) from error
            if current != replacing:
                raise BlobChanged(path)
        home.move(self._name, folder, name)

    def _link(self, home: HeldFolder, folder: HeldFolder, name: str) -> None:
        """Never over a file, not even over one by somebody who knows nothing of our lock."""
        path = self._folder.uri(self._key)
        try:
            home.link(self._name, folder, name)
        except FileExistsError as error:
            raise BlobChanged(path) from error
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
            if folder.has(name):
                raise BlobChanged(path) from error
            home.move(self._name, folder, name)


def sync_folder(path: str) -> None:
    """Make a rename in a folder last through a power cut."""
    with hold(path, root_may_be_link=True) as folder:
        folder.sync()
