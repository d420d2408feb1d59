"""Make an API key."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lora_manager.app.access.expiry import Expiry, expires_at
from lora_manager.domain.access import ApiKey, Scope
from lora_manager.domain.errors import Conflict
from lora_manager.ports.clock import Clock
from lora_manager.ports.key_store import KeyStore


class KeyNameTaken(Conflict):
    """Another key that counts has this name."""

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        super().__init__(
            f"a key named {key.name!r} is in use; `lora-manager keys rotate {key.id}` replaces it, or take another name"
        )


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made.

    :param text: what is handed out, which is known this once
    """

    key: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeyCommand:
    """What to call the key, and what it allows."""

    name: str
    scopes: frozenset[Scope]
    expiry: Expiry = None


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Make an API key. What is kept does not tell its text again.

    :param new_text: makes the text of a key, see ``key_text``, of an id and a secret that nobody can guess
    """

    keys: KeyStore
    clock: Clock
    new_text: Callable[[], str] = field(repr=False)

    def __call__(self, command: CreateKeyCommand) -> NewKey:
        """Make and keep it.

        :raises InvalidFields: naming every field that breaks its limit
        :raises KeyNameTaken: another key that counts has this name
        :raises Unavailable: the keys cannot be read or written
        """
        now = self.clock.now()
        text = self.new_text()
        expiry = expires_at(command.expiry, now=now)
        key = ApiKey.of(text, name=command.name, scopes=command.scopes, now=now, expires_at=expiry)
        for other in reversed(self.keys.all()):
            if other.name == key.name and other.counts(now):
                raise KeyNameTaken(other)
        self.keys.put(key)
        return NewKey(key, text)
