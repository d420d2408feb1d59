"""Who may do what: scopes, the API keys that carry them, and whoever makes a request."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import ceil

from lora_manager.domain.errors import Forbidden, InvalidField, InvalidFields, NotFound, Unavailable
from lora_manager.domain.text import CONTROL

MAX_NAME = 100  # characters
SHORTEST = 16  # characters of a key of one's own making that nobody guesses
_TEXT = re.compile(r"lm_(?P<id>[0-9a-f]{12})_[A-Za-z0-9_-]{43}")


class Scope(StrEnum):
    """What a key allows. ``write`` and ``deliver`` allow reading as well, ``admin`` everything."""

    READ = "read"
    WRITE = "write"
    DELIVER = "deliver"
    ADMIN = "admin"


_ALLOWED_BY: dict[Scope, frozenset[Scope]] = {
    Scope.READ: frozenset(Scope),
    Scope.WRITE: frozenset({Scope.WRITE, Scope.ADMIN}),
    Scope.DELIVER: frozenset({Scope.DELIVER, Scope.ADMIN}),
    Scope.ADMIN: frozenset({Scope.ADMIN}),
}


class Unauthenticated(Forbidden):
    """No key was given, or none that counts."""


class ScopeMissing(Forbidden):
    """The key is good, but not for this."""

    def __init__(self, caller: str, scope: Scope) -> None:
        self.caller = caller
        self.scope = scope
        super().__init__(f"this needs the scope {scope}, which the key {caller!r} does not have")


class TooManyRequests(Unavailable):
    """The caller asked more often than it may.

    :param wait_s: seconds until it may ask again
    """

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"too many requests; try again in {ceil(wait_s)} s, or have RATE_LIMIT raised")


class KeyNotFound(NotFound):
    """No key has this id or name."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(f"there is no key {reference!r}; `lora-manager keys list` shows all")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever makes a request.

    :param name: for logs and messages
    :param id: tells callers apart
    """

    name: str
    id: str
    scopes: frozenset[Scope]

    def require(self, scope: Scope) -> None:
        """Return if it may.

        :raises ScopeMissing: it may not
        """
        if self.scopes.isdisjoint(_ALLOWED_BY[scope]):
            raise ScopeMissing(self.name, scope)


ANYBODY = Caller("anybody", "anybody", frozenset(Scope))
"""Who asks where no key is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is kept: what was handed out is known by its digest only.

    :param id: 12 hexadecimal digits, part of the key's text
    :param name: what people call it; a key and the one that replaces it share a name
    :param digest: SHA-256 of the key's text, lower-case hex; the text has 256 random bits, so it needs no slower one
    :param expires_at: from when on it does not count; None: never
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        wrong = []
        if not 1 <= len(self.name) <= MAX_NAME or self.name != self.name.strip() or CONTROL.search(self.name):
            reason = f"must be 1 to {MAX_NAME} characters without control characters, and no white space at either end"
            wrong.append(InvalidField("name", reason))
        if not self.scopes:
            wrong.append(InvalidField("scopes", f"must name at least one of {', '.join(Scope)}"))
        if self.expires_at is not None and self.expires_at <= self.created_at:
            wrong.append(InvalidField("expires_at", "must lie in the future"))
        if wrong:
            raise InvalidFields(wrong)

    @classmethod
    def of(
        cls, text: str, *, name: str, scopes: Iterable[Scope], now: datetime, expires_at: datetime | None = None
    ) -> "ApiKey":
        """The key for a text that :func:`key_text` made.

        :raises InvalidFields: naming what is wrong
        """
        key_id = key_id_of(text)
        if key_id is None:
            raise InvalidFields([InvalidField("text", "must be a key's text")])
        return cls(
            id=key_id,
            name=name,
            scopes=frozenset(scopes),
            digest=digest_of(text),
            created_at=now,
            expires_at=expires_at,
        )

    @property
    def caller(self) -> Caller:
        """Whoever presents it."""
        return Caller(self.name, self.id, self.scopes)

    def counts(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def matches(self, text: str) -> bool:
        """Whether this is its text, told in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(self.digest, digest_of(text))

    def revoked(self, *, now: datetime) -> "ApiKey":
        """It does not count from now on; one that was revoked before stays as it is."""
        return self if self.revoked_at is not None else replace(self, revoked_at=now)

    def expiring(self, at: datetime) -> "ApiKey":
        """It does not count from then on, or from when it would have expired anyway."""
        return self if self.expires_at is not None and self.expires_at <= at else replace(self, expires_at=at)

    def in_place_of(self, kept: "ApiKey | None") -> "ApiKey":
        """It as it is kept from now on: revoked where what was kept is, since nothing brings a revoked key back."""
        return self if kept is None or kept.revoked_at is None else self.revoked(now=kept.revoked_at)


def key_text(key_id: str, secret: str) -> str:
    """What is handed out.

    :param key_id: 12 hexadecimal digits
    :param secret: 32 random bytes in URL-safe base64, 43 characters
    """
    return f"lm_{key_id}_{secret}"


def key_id_of(text: str) -> str | None:
    """The id of the key that has this text, if it is one of ours."""
    match = _TEXT.fullmatch(text)
    return match["id"] if match else None


def digest_of(text: str) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
