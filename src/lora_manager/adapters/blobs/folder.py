"""A folder whose files stand for blobs; every call may wait for the disk."""

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from threading import Lock

from lora_manager.adapters.blobs.content import is_key
from lora_manager.adapters.blobs.locking import locked_file
from lora_manager.adapters.system.held_folder import CAN_HOLD, HeldFolder, LinkInTheWay, hold
from lora_manager.adapters.system.windows_names import unfit_name
from lora_manager.domain.blob import BlobMissing, InvalidKey, check_key
from lora_manager.domain.errors import Unavailable

_DRAFTS = ".drafts"
_LOCK = "lock"
_ABANDONED_S = 24 * 3600  # nobody writes this long without a pause
_NO_FOLDER = (FileNotFoundError, NotADirectoryError, LinkInTheWay, InvalidKey)  # removed meanwhile, or never one


class Folder:
    """Where the file of each key is, and what is kept beside: drafts, and a lock for everybody who changes something.

    No link is followed, be it of a file or of a folder, so that nothing leads outside, whoever puts links there while
    the folder is used. Only the folder itself may be a link.

    :param path: absolute; made when it is first written to
    """

    def __init__(self, path: str) -> None:
        self.root = path.rstrip(os.sep) + os.sep
        self._is_swept = False
        self._sweeping = Lock()

    def uri(self, key: str) -> str:
        """The path of the key's file, read as text only.

        :raises InvalidKey: no file of this folder can have it
        """
        parts = check_key(key).split("/")
        if parts[0] == _DRAFTS:
            raise InvalidKey(key, "the store on disk keeps something else under this name")
        if os.name == "nt" and (reason := next(filter(None, map(unfit_name, parts)), None)):
            raise InvalidKey(key, reason)
        return self.root + key.replace("/", os.sep)

    @contextmanager
    def holding(self, key: str, *, make: bool = False) -> Iterator[tuple[HeldFolder, str]]:
        """The folder that the key's file is in, and the file's name there.

        :param make: make the folders that are missing
        :raises InvalidKey: a link stands in the way; in the file's place as well, where the block says so by raising
            ``LinkInTheWay``
        """
        path = self.uri(key)
        *folders, name = key.split("/")
        try:
            self._require_straight(os.path.dirname(path))
            with hold(self.root, folders, root_may_be_link=True, make=make) as folder:
                yield folder, name
        except LinkInTheWay as error:
            reason = f"a link stands in its way below {self.root}, and links are not followed"
            raise InvalidKey(key, reason) from error

    def status(self, key: str) -> os.stat_result:
        """What the system tells of the file.

        :raises BlobMissing: there is no regular file
        """
        try:
            with self.holding(key) as (folder, name):
                return status_in(folder, name, self.uri(key))
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(self.uri(key)) from None

    def open(self, key: str) -> FileIO:
        """The file, to read.

        :raises BlobMissing: there is no regular file
        """
        path = self.uri(key)
        try:
            with self.holding(key) as (folder, name):
                status_in(folder, name, path)  # before it is opened, which a device would notice
                file = FileIO(path, opener=lambda _, flags: folder.open(name, flags))
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(path) from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise BlobMissing(path)
        return file

    def remove(self, key: str) -> None:
        """Remove the file, or the link in its place; a folder in its place stays."""
        with suppress(FileNotFoundError, NotADirectoryError), self.holding(key) as (folder, name):
            if stat.S_ISDIR(folder.status(name).st_mode):
                return
            with self.locked():
                folder.remove(name)

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with the text, ordered."""
        top, _, _ = prefix.rpartition("/")
        if top and not is_key(top):
            return []
        keys: list[str] = []
        pending = [f"{top}/" if top else ""]
        while pending:
            above = pending.pop()
            with suppress(*_NO_FOLDER), self._entries(above) as entries:
                for entry in entries:
                    key = above + entry.name
                    if not key.startswith(prefix) or key == _DRAFTS:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{key}/")
                    elif entry.is_file(follow_symlinks=False) and is_key(key):
                        keys.append(key)
        return sorted(keys)

    def drafts(self) -> HeldFolder:
        """A folder, on the same file system, for what is to become a file; the caller closes it.

        What processes that died left in it is removed when it is first asked for.

        :raises Unavailable: a link stands in its place
        """
        try:
            self._require_straight(self.root + _DRAFTS)
            folder = hold(self.root, [_DRAFTS], root_may_be_link=True, make=True)
        except LinkInTheWay as error:
            raise self._not_ours(_DRAFTS) from error
        try:
            with self._sweeping:
                if not self._is_swept:
                    _sweep(folder)
                    self._is_swept = True
        except BaseException:
            folder.close()
            raise
        return folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Change something: nobody else does, as long as the block lasts.

        :raises Unavailable: a link stands in the lock's place
        """
        with self.drafts() as folder:
            try:
                lock = folder.open(_LOCK, os.O_RDWR | os.O_CREAT)
            except LinkInTheWay as error:
                raise self._not_ours(f"{_DRAFTS}{os.sep}{_LOCK}") from error
            with locked_file(lock):
                yield

    def _not_ours(self, name: str) -> Unavailable:
        return Unavailable(f"{self.root}{name} is a link, and links are not followed here; remove it")

    @contextmanager
    def _entries(self, above: str) -> "Iterator[Iterator[os.DirEntry[str]]]":
        if above:
            path = self.uri(above.removesuffix("/"))
            self._require_straight(path)
        with hold(self.root, above.split("/")[:-1], root_may_be_link=True) as folder, folder.entries() as entries:
            yield entries

    def _require_straight(self, path: str) -> None:
        """Where folders cannot be held, see at least that no link stands in the way now."""
        if CAN_HOLD:
            return
        straight = os.path.join(os.path.realpath(self.root), os.path.relpath(path, self.root))
        if os.path.normcase(os.path.realpath(path)) != os.path.normcase(os.path.normpath(straight)):
            raise LinkInTheWay(path)


class OpenFile:
    """The file of a key, to read; what takes its place meanwhile changes nothing about it."""

    def __init__(self, folder: Folder, key: str) -> None:
        self._folder = folder
        self._key = key
        self._file: FileIO | None = None

    def open(self) -> os.stat_result:
        """Open it, and tell what the system says of it.

        :raises BlobMissing: there is no regular file
        """
        self._file = self._folder.open(self._key)
        return os.fstat(self._file.fileno())

    def read(self, at: int, size: int) -> bytes:
        """Up to so many bytes; none at its end."""
        if self._file is None:
            return b""
        self._file.seek(at)
        return self._file.read(size)

    def close(self) -> None:
        """Let go of it."""
        if self._file is not None:
            self._file.close()


def status_in(folder: HeldFolder, name: str, path: str) -> os.stat_result:
    """What the system tells of a file.

    :param path: of the file, for messages
    :raises BlobMissing: there is no regular file
    :raises LinkInTheWay: it is a link
    """
    status = folder.status(name)
    if stat.S_ISLNK(status.st_mode):
        raise LinkInTheWay(name)
    if not stat.S_ISREG(status.st_mode):
        raise BlobMissing(path)
    return status


def version_of(status: os.stat_result) -> str:
    """A text that changes whenever the file does.

    Every draft is a new file that gets the time to the nanosecond, so two blobs share a version only if the system gave
    them the same inode and the same nanosecond. Hashing instead would mean to read gigabytes for each look.
    """
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _sweep(drafts: HeldFolder) -> None:
    """Remove what nobody has written to for a day."""
    oldest = time.time() - _ABANDONED_S
    with drafts.entries() as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process sweeps as well, or finishes its draft
                if entry.name != _LOCK and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    drafts.remove(entry.name)
