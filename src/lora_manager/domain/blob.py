"""A blob: a whole file in a store, found by its key."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from lora_manager.domain.errors import Conflict, InvalidInput, NotFound
from lora_manager.domain.text import CONTROL

MAX_KEY_BYTES = 1_024  # Source: Amazon S3 user guide, object key names
_BY_FILES = frozenset({"", ".", ".."})  # parts that a file system gives a meaning of their own


class BlobMissing(NotFound):
    """Nothing is stored under a key."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"there is nothing at {uri}")


class BlobChanged(Conflict):
    """Under a key stands something else than the caller expects."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(f"at {uri} stands something else than was expected; somebody wrote there meanwhile")


class InvalidKey(InvalidInput):
    """No store could keep a blob under this key."""

    def __init__(self, key: str, reason: str) -> None:
        self.key = key
        super().__init__(f"{key!a} cannot be the key of a file: {reason}")


class Corrupted(InvalidInput):
    """The bytes that came are not those that were announced."""

    def __init__(self, uri: str, expected: str, received: str) -> None:
        self.expected = expected
        self.received = received
        super().__init__(f"what came for {uri} has the SHA-256 {received}, not {expected}; send or fetch it again")


class Over(Enum):
    """What a blob that is put may take the place of."""

    ANYTHING = "anything"
    NOTHING = "nothing"


Replacing: TypeAlias = Over | str
"""The same, or the ``Blob.version`` of the one blob that it may take the place of."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of bytes: from ``begin`` up to, without, ``end``; None is the end of the blob.

    :param begin: 0 or more
    :param end: above ``begin``
    """

    begin: int = 0
    end: int | None = None


WHOLE = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """What a store tells of a blob without reading it.

    :param key: its name in the store, ``/`` between folders
    :param uri: where that is: an absolute path, or ``s3://bucket/key``
    :param size_bytes: 0 or more
    :param modified_at: UTC
    :param version: opaque; a blob with another one may hold other bytes (an ETag)
    :param sha256: of its bytes, 64 lower-case hex digits; None where the store does not know it without reading
    """

    key: str
    uri: str
    size_bytes: int
    modified_at: datetime
    version: str
    sha256: str | None = None


def check_key(key: str) -> str:
    """The key itself, once it is seen that every store can keep it.

    >>> check_key("style/ink.safetensors")
    'style/ink.safetensors'

    :raises InvalidKey: it is empty, too long or absolute, or holds control characters, a backslash, or the parts ``.``
        or ``..``
    """
    if CONTROL.search(key):
        raise InvalidKey(key, "it holds control characters or is no text")
    if not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
        raise InvalidKey(key, f"it must have 1 to {MAX_KEY_BYTES} bytes")
    if "\\" in key or not _BY_FILES.isdisjoint(key.split("/")):
        raise InvalidKey(key, "its parts, between single slashes, must be names of files")
    return key
