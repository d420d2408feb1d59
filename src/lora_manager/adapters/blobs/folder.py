"""A folder whose files stand for blobs; every call may wait for the disk."""

import os
import re
import stat
import time
from contextlib import suppress
from io import FileIO
from threading import Lock
from uuid import uuid4

from lora_manager.adapters.blobs.content import is_key
from lora_manager.domain.blob import BlobMissing, InvalidKey, check_key

_DRAFTS = ".drafts"
_LOCK = "lock"
_ABANDONED_S = 24 * 3600  # nobody writes this long without a pause
_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_UNFIT = re.compile(r'[<>:"|?*]' if os.name == "nt" else r"(?!)")  # Source: Microsoft, "Naming Files, Paths"


class Folder:
    """Where the file of each key is, and what is kept beside: drafts, and a lock for everybody who changes something.

    No link is followed, be it of a file or of a folder, so that nothing leads outside.

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
        check_key(key)
        if _UNFIT.search(key) or key.split("/", 1)[0] == _DRAFTS:
            raise InvalidKey(key, "the store on disk cannot have a file of this name")
        return self.root + key.replace("/", os.sep)

    def path(self, key: str) -> str:
        """The same, once its real path is seen to be that one.

        :raises InvalidKey: a link stands there or on the way
        """
        return self._require_straight(key, self.uri(key))

    def path_to_change(self, key: str) -> str:
        """The same, where a link in the place of the file itself is no hindrance: it would be replaced or removed."""
        path = self.uri(key)
        self._require_straight(key, os.path.dirname(path))
        return path

    def status(self, key: str) -> os.stat_result:
        """What the system tells of the file.

        :raises BlobMissing: there is no regular file
        """
        path = self.path(key)
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(path) from None
        if not stat.S_ISREG(status.st_mode):
            raise BlobMissing(path)
        return status

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin with the text, ordered."""
        top, _, _ = prefix.rpartition("/")
        if top and not is_key(top):
            return []
        keys: list[str] = []
        pending = [f"{top}/" if top else ""]
        while pending:
            above = pending.pop()
            for entry in self._entries(above):
                key = above + entry.name
                if not key.startswith(prefix) or key == _DRAFTS:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{key}/")
                elif entry.is_file(follow_symlinks=False) and is_key(key):
                    keys.append(key)
        return sorted(keys)

    def new_draft(self) -> str:
        """A path, on the same file system, for what is to become a file; those of processes that died are removed."""
        drafts = self.root + _DRAFTS
        os.makedirs(drafts, exist_ok=True)
        with self._sweeping:
            if not self._is_swept:
                _sweep(drafts)
                self._is_swept = True
        return os.path.join(drafts, f".{uuid4().hex}")

    def lock(self) -> str:
        """The path of the file to lock before something is changed."""
        drafts = self.root + _DRAFTS
        os.makedirs(drafts, exist_ok=True)
        return os.path.join(drafts, _LOCK)

    def _entries(self, above: str) -> "list[os.DirEntry[str]]":
        try:
            if above:
                self.path(above.removesuffix("/"))
            return list(os.scandir(self.root + above.replace("/", os.sep)))
        except (FileNotFoundError, NotADirectoryError, InvalidKey):
            return []  # removed meanwhile, never there, or a link

    def _require_straight(self, key: str, path: str) -> str:
        straight = os.path.join(os.path.realpath(self.root), os.path.relpath(path, self.root))
        if os.path.normcase(os.path.realpath(path)) != os.path.normcase(os.path.normpath(straight)):
            raise InvalidKey(key, f"a link stands in its way below {self.root}, and links are not followed")
        return path


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
        self._folder.status(self._key)
        path = self._folder.path(self._key)
        try:
            self._file = FileIO(path, opener=lambda name, flags: os.open(name, flags | _AS_IT_IS))
        except FileNotFoundError:
            raise BlobMissing(path) from None
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


def version_of(status: os.stat_result) -> str:
    """A text that changes whenever the file does.

    Every draft is a new file that gets the time to the nanosecond, so two blobs share a version only if the system gave
    them the same inode and the same nanosecond. Hashing instead would mean to read gigabytes for each look.
    """
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _sweep(drafts: str) -> None:
    """Remove what nobody has written to for a day."""
    oldest = time.time() - _ABANDONED_S
    for entry in os.scandir(drafts):
        with suppress(FileNotFoundError):  # another process sweeps as well, or finishes its draft
            if entry.name != _LOCK and entry.stat(follow_symlinks=False).st_mtime < oldest:
                os.unlink(entry.path)
