"""Revoke an API key."""

from dataclasses import dataclass

from lora_manager.app.access.find_key import find_key
from lora_manager.domain.access import ApiKey
from lora_manager.ports.clock import Clock
from lora_manager.ports.key_store import KeyStore


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Revoke an API key: it does not count from now on, and never will again."""

    keys: KeyStore
    clock: Clock

    def __call__(self, reference: str) -> ApiKey:
        """Revoke and return it; one that was revoked before stays as it is.

        :param reference: its id, its name, or its text
        :raises KeyNotFound: there is none
        :raises SeveralKeys: several of this name count
        :raises Unavailable: the keys cannot be read or written
        """
        now = self.clock.now()
        key = find_key(self.keys.all(), reference, now=now)
        if key.revoked_at is not None:
            return key
        revoked = key.revoked(now=now)
        self.keys.put(revoked)
        return revoked
