"""Replace an API key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from lora_manager.app.access.create_key import NewKey
from lora_manager.app.access.expiry import Expiry, expires_at
from lora_manager.app.access.find_key import find_key
from lora_manager.domain.access import ApiKey
from lora_manager.domain.errors import Conflict
from lora_manager.ports.clock import Clock
from lora_manager.ports.key_store import KeyStore


class KeyNotInUse(Conflict):
    """The key was revoked or has expired: there is nothing to replace."""

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        super().__init__(
            f"the key {key.name!r} ({key.id}) was revoked or has expired; `lora-manager keys create` makes another"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceKeyCommand:
    """Which key to replace, and how.

    :param reference: its id or its name
    :param overlap: how long the old one goes on counting, for whoever has it to change over; zero: not at all
    :param expiry: of the new one
    """

    reference: str
    overlap: timedelta
    expiry: Expiry = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a key was replaced by.

    :param old: the one replaced, as it is now kept
    """

    new: NewKey
    old: ApiKey


@dataclass(frozen=True, slots=True)
class ReplaceKey:
    """Replace an API key by a new one of its name and scopes. For a while both count.

    :param new_text: see ``CreateKey``
    """

    keys: KeyStore
    clock: Clock
    new_text: Callable[[], str] = field(repr=False)

    def __call__(self, command: ReplaceKeyCommand) -> Replacement:
        """Make and keep the new one, and have the old one expire.

        :raises KeyNotFound: there is none
        :raises SeveralKeys: several of this name count
        :raises KeyNotInUse: it does not count any more
        :raises InvalidFields: the new one would have expired before it is made
        :raises Unavailable: the keys cannot be read or written
        """
        now = self.clock.now()
        old = find_key(self.keys.all(), command.reference, now=now)
        if not old.counts(now):
            raise KeyNotInUse(old)
        text = self.new_text()
        expiry = expires_at(command.expiry, now=now)
        new = ApiKey.of(text, name=old.name, scopes=old.scopes, now=now, expires_at=expiry)
        ending = old.expiring(now + command.overlap) if command.overlap else old.revoked(now=now)
        self.keys.put(new, ending)
        return Replacement(NewKey(new, text), ending)
