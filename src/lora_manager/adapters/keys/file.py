"""API keys in a file."""

import errno
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lora_manager.adapters.blobs.locking import locked
from lora_manager.adapters.keys.document import Damaged, read_document, write_document
from lora_manager.adapters.keys.private_file import make_folder, replace_privately
from lora_manager.domain.access import ApiKey
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.key_store import KeyStore

_LOOK_EVERY_S = 0.5
_UNHURRIED = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a pipe would keep whoever opens it waiting
_READ_ONLY = "it is mounted read-only: change the keys where the file comes from"
_NOT_ALLOWED = "let the user that runs this command write to its folder, or point API_KEYS_FILE elsewhere"

_Identity = tuple[int, int, int]
_Keys = Mapping[str, ApiKey]


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of the file at a moment.

    :param identity: what the file is known again by; None where it was not there, or could not be read
    :param keys: by id; None where there never was a file
    :param trouble: why the keys could not be read
    """

    at: float
    identity: _Identity | None = None
    keys: _Keys | None = None
    trouble: str | None = None


class FileKeyStore(KeyStore):
    """Keeps keys in one JSON file, for its owner's eyes only, which several processes may share.

    ``find`` and ``are_kept`` look at the file at most twice a second, and read it only when it has changed. Once there
    was a file here, one that is gone keeps everybody out, as one does that is damaged or cannot be opened. A link to it
    is followed; its folder is made when it is first needed.

    :param path: absolute
    :param monotonic: seconds since some moment
    """

    def __init__(self, path: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._was_there = os.path.lexists(path)
        self._latest: _Look | None = None

    def are_kept(self) -> bool:
        return self._seen() is not None

    def find(self, key_id: str) -> ApiKey | None:
        return (self._seen() or {}).get(key_id)

    def all(self) -> Sequence[ApiKey]:
        _, keys = self._read_kept()
        return sorted((keys or {}).values(), key=lambda key: (key.created_at, key.id))

    def put(self, *keys: ApiKey) -> None:
        target = os.path.realpath(self._path)
        try:
            make_folder(os.path.dirname(target))
            with locked(f"{target}.lock"):
                _, kept = self._read()
                changed = dict(kept or {})
                changed.update((key.id, key.in_place_of(changed.get(key.id))) for key in keys)
                replace_privately(target, write_document(changed.values()))
        except OSError as error:
            way_out = _READ_ONLY if error.errno == errno.EROFS else _NOT_ALLOWED
            raise Unavailable(f"cannot write the API keys to {target}: {_reason(error)}; {way_out}") from error
        self._was_there = True
        self._latest = None

    def _seen(self) -> _Keys | None:
        """The keys as they were half a second ago or later; None where there never was a file."""
        now = self._monotonic()
        latest = self._latest
        if latest is None or now - latest.at >= _LOOK_EVERY_S:
            latest = self._latest = self._look(latest, now)
        if latest.trouble is not None:
            raise Unavailable(latest.trouble)
        return latest.keys

    def _look(self, before: _Look | None, now: float) -> _Look:
        if before is not None and before.identity is not None and before.identity == self._identity():
            return replace(before, at=now)
        try:
            identity, keys = self._read_kept()
        except Unavailable as error:
            return _Look(now, trouble=str(error))
        return _Look(now, identity, keys)

    def _identity(self) -> _Identity | None:
        try:
            return _identity_of(os.stat(self._path))
        except OSError:
            return None  # reading it says why

    def _read_kept(self) -> tuple[_Identity | None, _Keys | None]:
        """The file's identity and its keys; None where there never was a file.

        :raises Unavailable: there is or was one, and it cannot be read
        """
        identity, keys = self._read()
        if keys is None and self._was_there:
            raise Unavailable(
                f"the API keys in {self._path} are gone, so nobody is let in; put the file back, or make new keys with "
                "`lora-manager keys create`"
            )
        return identity, keys

    def _read(self) -> tuple[_Identity | None, _Keys | None]:
        """The file's identity and its keys; None where there is no file now.

        :raises Unavailable: there is one, and it cannot be read
        """
        try:
            with open(self._path, "rb", opener=_open_unhurried) as file:
                status = os.fstat(file.fileno())
                content = file.read() if stat.S_ISREG(status.st_mode) else None
        except FileNotFoundError:
            return None, None
        except OSError as error:
            raise Unavailable(
                f"the API keys in {self._path} cannot be read: {_reason(error)}; let the user that runs the service "
                "read the file, or point API_KEYS_FILE elsewhere"
            ) from error
        self._was_there = True
        if content is None:
            raise Unavailable(f"{self._path} is no regular file; point API_KEYS_FILE at the file with the API keys")
        try:
            return _identity_of(status), read_document(content)
        except Damaged as error:
            raise Unavailable(
                f"the API keys in {self._path} are damaged: {error}; correct the file, or put an earlier one back"
            ) from error


def _open_unhurried(path: str, flags: int) -> int:
    return os.open(path, flags | _UNHURRIED)


def _identity_of(status: os.stat_result) -> _Identity:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
