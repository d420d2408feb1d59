"""Queries that find LoRAs by what they have; each is built once per length, and its values are parameters."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select

from lora_manager.adapters.database.paths import at_or_below
from lora_manager.adapters.database.rows import LORA_COLUMNS
from lora_manager.adapters.database.tables import ACTIVE, LIVING, adapter_tags, adapters

_c = adapters.c
HELD = (_c.id, _c.revision)  # what tells whether a LoRA at hand is the stored one
_LENGTHS = (1, 8, 64, 128, 512)

TAG_COUNTS = (
    select(adapter_tags.c.tag, func.count())
    .join_from(adapter_tags, adapters)
    .where(LIVING)
    .group_by(adapter_tags.c.tag)
    .order_by(func.count().desc(), adapter_tags.c.tag)
)


def _shared(column: ColumnElement[Any]) -> Select[Any]:
    return select(column).where(LIVING, column.is_not(None)).group_by(column).having(func.count() > 1)


def known_files(path: str) -> Select[Any]:
    """The columns of a ``KnownFile``, for each file at this path or below it."""
    return (
        select(_c.id, _c.file_path, _c.size_bytes, _c.modified_ns, _c.file_state, _c.deleted_at.is_not(None))
        .where(at_or_below(path))
        .order_by(_c.file_path, _c.id)
    )


class Lookup(NamedTuple):
    """A query for some values of one column, and its parameters."""

    query: Select[Any]
    parameters: Mapping[str, Any] = MappingProxyType({})


ACTIVE_LORAS = Lookup(select(*HELD).where(ACTIVE))

DUPLICATE_CANDIDATES = Lookup(
    select(*HELD).where(LIVING, or_(*(column.in_(_shared(column)) for column in (_c.sha256, _c.autov3, _c.name))))
)


def held_by(column: str, values: Collection[Any]) -> list[Lookup]:
    """Ids and revisions of the living LoRAs that have one of these values."""
    return [Lookup(_held_by(column, len(chunk)), numbered("value", chunk)) for chunk in padded(values)]


def whole(ids: Collection[Any]) -> list[Lookup]:
    """The LoRAs with these ids, every column."""
    return [Lookup(_whole(len(chunk)), numbered("value", chunk)) for chunk in padded(ids)]


def padded(values: Collection[Any]) -> list[list[Any]]:
    """In lists of few lengths, the last value repeated: so few queries have to be compiled, and the rest is at hand."""
    rest, lists = list(values), []
    while rest:
        chunk, rest = rest[: _LENGTHS[-1]], rest[_LENGTHS[-1] :]
        length = next(length for length in _LENGTHS if length >= len(chunk))
        lists.append(chunk + chunk[-1:] * (length - len(chunk)))
    return lists


def numbered(prefix: str, values: Sequence[Any]) -> dict[str, Any]:
    """The parameters that :func:`any_of` names."""
    return {f"{prefix}_{number}": value for number, value in enumerate(values)}


def any_of(column: ColumnElement[Any], prefix: str, count: int) -> ColumnElement[bool]:
    """The column holds one of so many parameters: ``prefix_0``, ``prefix_1``, ..."""
    return column.in_([bindparam(f"{prefix}_{number}", type_=column.type) for number in range(count)])


@lru_cache
def _held_by(column: str, count: int) -> Select[Any]:
    return select(*HELD).where(LIVING, any_of(_c[column], "value", count))


@lru_cache
def _whole(count: int) -> Select[Any]:
    return select(*LORA_COLUMNS).where(any_of(_c.id, "value", count))
