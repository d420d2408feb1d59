"""Tell who makes a request."""

import hmac
from dataclasses import dataclass, field

from lora_manager.domain.access import ANYBODY, Caller, Scope, Unauthenticated, digest_of, key_id_of
from lora_manager.ports.clock import Clock
from lora_manager.ports.key_store import KeyStore

SINGLE = Caller("API_KEY", "API_KEY", frozenset(Scope))
"""Who presents the one key of the setting of this name."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Tell who makes a request, by the API key that came with it.

    :param single_digest: of the key in the setting API_KEY, which may do everything; None where it is not set
    :param always_needed: whether a key is asked for even where none was made yet
    """

    keys: KeyStore
    clock: Clock
    single_digest: str | None = field(default=None, repr=False)
    always_needed: bool = False

    def is_needed(self) -> bool:
        """Whether a key is asked for: where none was ever made, anybody may do everything.

        :raises Unavailable: the keys cannot be read
        """
        return self.always_needed or self.single_digest is not None or self.keys.are_kept()

    def __call__(self, given: str | None) -> Caller:
        """Whoever gave this key.

        :raises Unauthenticated: a key is needed, and this one does not count
        :raises Unavailable: the keys cannot be read
        """
        if not self.is_needed():
            return ANYBODY
        if given is None:
            raise Unauthenticated("this needs an API key; send it as X-API-Key, or as Authorization: Bearer")
        if self.single_digest is not None and hmac.compare_digest(self.single_digest, digest_of(given)):
            return SINGLE
        key_id = key_id_of(given)
        key = None if key_id is None else self.keys.find(key_id)
        if key is None or not key.matches(given) or not key.counts(self.clock.now()):
            raise Unauthenticated("this API key is not known, or was revoked, or has expired")
        return key.caller
