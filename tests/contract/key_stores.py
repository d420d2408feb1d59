"""The stores of keys that the contract suite runs against, and keys to keep."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.adapters.memory.keys import MemoryKeyStore
from lora_manager.domain.access import ApiKey, Scope, digest_of
from lora_manager.ports.key_store import KeyStore
from lora_manager.testing.strategies import EPOCH


class Watch:
    """Seconds that go by when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True)
class Kept:
    """A store, and the same keys as another process sees them; ``wait`` lets so many seconds go by for both."""

    store: KeyStore
    elsewhere: KeyStore
    wait: Callable[[float], None]


def a_key(
    number: int,
    *,
    name: str = "studio",
    scopes: Sequence[Scope] = (Scope.READ,),
    created_at: datetime | None = None,
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> ApiKey:
    """A key with this number in its id; the later a number, the later it was made."""
    return ApiKey(
        id=f"{number:012x}",
        name=name,
        scopes=frozenset(scopes),
        digest=digest_of(str(number)),
        created_at=created_at or EPOCH + timedelta(seconds=number),
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


def memory_kept() -> Kept:
    store = MemoryKeyStore()
    return Kept(store, store, lambda _: None)


def file_kept(folder: Path) -> Kept:
    watch = Watch()

    def wait(seconds: float) -> None:
        watch.seconds += seconds

    path = str(folder / "keys" / "api-keys.json")
    return Kept(FileKeyStore(path, watch), FileKeyStore(path, watch), wait)
