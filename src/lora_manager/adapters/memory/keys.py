"""API keys in memory."""

from collections.abc import Sequence

from lora_manager.domain.access import ApiKey
from lora_manager.ports.key_store import KeyStore


class MemoryKeyStore(KeyStore):
    """Keeps keys for as long as it lives."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    def are_kept(self) -> bool:
        return bool(self._keys)

    def find(self, key_id: str) -> ApiKey | None:
        return self._keys.get(key_id)

    def all(self) -> Sequence[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.id))

    def put(self, *keys: ApiKey) -> None:
        self._keys.update((key.id, key.in_place_of(self._keys.get(key.id))) for key in keys)
