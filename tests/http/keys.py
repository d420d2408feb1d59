"""API keys for tests: one for each scope."""

from datetime import UTC, datetime
from pathlib import Path

from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.domain.access import ApiKey, Scope, key_text

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def key_with(scope: Scope) -> str:
    """The text of the key that has this scope alone."""
    number = list(Scope).index(scope)
    return key_text(f"{number:012x}", "A" * 42 + str(number))


def keep_keys(path: Path) -> None:
    """Keep a key for each scope in this file."""
    store = FileKeyStore(str(path))
    store.put(*(ApiKey.of(key_with(scope), name=f"may {scope}", scopes=[scope], now=NOW) for scope in Scope))
