"""The column types whose stored form is not their Python form.

They hand out bare functions as result processors: a listing decodes thousands of values.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, Dialect, LargeBinary, Text, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Processor = Callable[[Any], Any] | None
Impl = TypeEngine[Any] | type[TypeEngine[Any]]

# Text that is ordered and compared by code point: SQLite does so by itself, PostgreSQL under the collation "C".
CodePoints = Text().with_variant(Text(collation="C"), "postgresql")


class Id(TypeDecorator[UUID]):
    """A UUID: ``uuid`` on PostgreSQL; on SQLite its 16 bytes, which sort as it does and take half the room of text."""

    impl: Impl = LargeBinary(16)
    cache_ok: bool | None = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Uuid() if dialect.name == "postgresql" else LargeBinary(16))

    def bind_processor(self, dialect: Dialect) -> Processor:
        return None if dialect.name == "postgresql" else _to_bytes

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        return None if dialect.name == "postgresql" else _from_bytes


def _to_bytes(value: UUID | None) -> bytes | None:
    return None if value is None else value.bytes


@lru_cache(maxsize=8_192)  # making one takes two microseconds, and a page of a listing has fifty, mostly known ones
def _from_bytes(value: bytes | None) -> UUID | None:
    return None if value is None else UUID(bytes=value)


class Moment(TypeDecorator[datetime]):
    """A point in time as whole microseconds since 1970 UTC: exact, sortable, the same in both databases."""

    impl: Impl = BigInteger
    cache_ok: bool | None = True

    def bind_processor(self, dialect: Dialect) -> Processor:
        return _to_microseconds

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        return _from_microseconds


def _to_microseconds(value: datetime | None) -> int | None:
    return None if value is None else (value - _EPOCH) // _MICROSECOND


def _from_microseconds(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Document(TypeDecorator[Any]):
    """A value of the domain as JSON text, decoded straight into its dataclass; None is NULL.

    NUL and unpaired surrogates, which a column of text cannot hold, are escapes there.

    :param kind: the type to decode
    """

    impl: Impl = Text
    cache_ok: bool | None = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Processor:
        return _to_json

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        kind, decode = self.kind, msgspec.json.Decoder(self.kind).decode

        def from_json(value: str | None) -> Any:
            if value is None:
                return None
            try:
                return decode(value)
            except msgspec.DecodeError:  # an unpaired surrogate
                return msgspec.convert(json.loads(value), kind)

        return from_json


def _to_json(value: object) -> str | None:
    if value is None:
        return None
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # an unpaired surrogate: msgspec neither writes nor reads one, the standard library does
        return json.dumps(msgspec.to_builtins(value))
