"""API keys as people and machines see them: never a digest."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from lora_manager.cli.output import print_table
from lora_manager.domain.access import ApiKey, Scope

_TITLES = ("id", "name", "scopes", "state", "created", "expires")
_SOON = timedelta(days=14)


class KeyState(StrEnum):
    """Whether a key counts, and for how long."""

    ACTIVE = "active"
    EXPIRES_SOON = "expires soon"
    EXPIRED = "expired"
    REVOKED = "revoked"


def state_of(key: ApiKey, now: datetime) -> KeyState:
    """Whether the key counts."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if not key.counts(now):
        return KeyState.EXPIRED
    if key.expires_at is not None and key.expires_at - now <= _SOON:
        return KeyState.EXPIRES_SOON
    return KeyState.ACTIVE


def scopes_of(key: ApiKey) -> list[str]:
    """What the key allows, in the order in which the scopes are explained."""
    return [scope.value for scope in Scope if scope in key.scopes]


def minute(moment: datetime) -> str:
    """The time for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def print_keys(keys: Sequence[ApiKey], now: datetime) -> None:
    """A line for each key."""
    print_table(_TITLES, [_row(key, now) for key in keys])


def key_as_json(key: ApiKey, now: datetime) -> dict[str, object]:
    """The key for machines."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": scopes_of(key),
        "state": state_of(key, now).replace(" ", "_"),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _row(key: ApiKey, now: datetime) -> tuple[str, ...]:
    expires = "never" if key.expires_at is None else minute(key.expires_at)
    return key.id, key.name, ", ".join(scopes_of(key)), state_of(key, now), minute(key.created_at), expires
