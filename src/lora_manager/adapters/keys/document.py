"""The JSON document that keys are kept in."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from lora_manager.domain.access import ApiKey, Scope
from lora_manager.domain.errors import InvalidFields

VERSION = 1

_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{12}\Z")]
_Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Damaged(Exception):
    """What was read is no document of keys; the message says what is wrong with it, and never holds a digest."""


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every field has to be there: a line lost in editing must not bring a revoked key back."""

    id: _Id
    name: str
    scopes: tuple[Scope, ...]
    sha256: _Sha256
    created_at: _Moment
    expires_at: _Moment | None
    revoked_at: _Moment | None

    @classmethod
    def of(cls, key: ApiKey) -> "_Key":
        return cls(
            id=key.id,
            name=key.name,
            scopes=tuple(scope for scope in Scope if scope in key.scopes),
            sha256=key.digest,
            created_at=key.created_at.astimezone(UTC),
            expires_at=_in_utc(key.expires_at),
            revoked_at=_in_utc(key.revoked_at),
        )

    def to_domain(self) -> ApiKey:
        return ApiKey(
            id=self.id,
            name=self.name,
            scopes=frozenset(self.scopes),
            digest=self.sha256,
            created_at=self.created_at.astimezone(UTC),
            expires_at=_in_utc(self.expires_at),
            revoked_at=_in_utc(self.revoked_at),
        )


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int
    keys: tuple[_Key, ...]


def write_document(keys: Iterable[ApiKey]) -> bytes:
    """The document, indented for people."""
    document = _Document(version=VERSION, keys=tuple(_Key.of(key) for key in keys))
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def read_document(content: bytes) -> Mapping[str, ApiKey]:
    """The keys by their ids.

    :raises Damaged: it is no document of this version, or holds anything that this version does not know
    """
    try:
        document = json.loads(content, object_pairs_hook=_without_repeats)
        _check_version(document)
        keys = [key.to_domain() for key in msgspec.convert(document, _Document).keys]
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, InvalidFields) as error:
        raise Damaged(str(error)) from error
    by_id = {key.id: key for key in keys}
    if len(by_id) < len(keys):
        raise Damaged("several keys have the same id")
    return by_id


def _check_version(document: object) -> None:
    """Said before anything else: of another version the rest differs, too."""
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise Damaged(f"this program reads version {VERSION} of it, and not version {version}")


def _without_repeats(members: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Of two values under one name JSON does not say which counts."""
    unique = dict(members)
    if len(unique) < len(members):
        raise ValueError("a name stands twice in one object")
    return unique


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)
