"""The queries of a listing; each is built once per shape, and its values are parameters."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, bindparam, func, select, tuple_

from lora_manager.adapters.database.columns import Id
from lora_manager.adapters.database.functions import place_in
from lora_manager.adapters.database.lookups import HELD, Lookup, any_of, numbered
from lora_manager.adapters.database.tables import FAR, LIVING, SORT_KEYS, adapter_tags, adapters
from lora_manager.domain.file.record import FileState
from lora_manager.domain.selection import Order, Selection, fold
from lora_manager.domain.validation import ValidationState

_c = adapters.c
_FEW_TAGS = 4  # one join each, which is the fastest; but PostgreSQL tries all orders of joins, and 100 take it seconds
_EQUAL = ("base_model", "file_state", "validation_state")


class Filters(NamedTuple):
    """The filters of a selection: what a total belongs to."""

    active: bool | None
    tags: tuple[str, ...]
    any_tags: tuple[str, ...]
    not_tags: tuple[str, ...]
    words: tuple[str, ...]
    base_model: str | None
    file_state: FileState | None
    validation_state: ValidationState | None

    @classmethod
    def of(cls, selection: Selection) -> "Filters":
        """Those of this selection."""
        filters = cls(*(getattr(selection, name) for name in cls._fields))
        return filters._replace(tags=tuple(dict.fromkeys(filters.tags)))

    @property
    def shape(self) -> "Shape":
        """What the query looks like, whatever the values are."""
        return Shape(
            self.active,
            len(self.tags),
            len(self.any_tags),
            len(self.not_tags),
            len(self.words),
            *(getattr(self, name) is not None for name in _EQUAL),
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The values."""
        return {
            **numbered("tag", self.tags),
            **numbered("any_tag", self.any_tags),
            **numbered("not_tag", self.not_tags),
            **numbered("word", [fold(word) for word in self.words]),
            **{name: value for name in _EQUAL if (value := getattr(self, name)) is not None},
        }


NO_FILTERS = Filters(None, (), (), (), (), None, None, None)


class Shape(NamedTuple):
    """How many of each filter there are, and which."""

    active: bool | None
    tags: int
    any_tags: int
    not_tags: int
    words: int
    base_model: bool
    file_state: bool
    validation_state: bool


def _conditions(shape: Shape) -> Iterator[ColumnElement[bool]]:
    tagged = select(adapter_tags.c.adapter_id)
    yield LIVING
    if shape.active is not None:
        yield _c.active.is_(shape.active)
    if shape.tags <= _FEW_TAGS:
        for number in range(shape.tags):
            yield _c.id.in_(tagged.where(adapter_tags.c.tag == bindparam(f"tag_{number}")))
    else:
        some = tagged.where(any_of(adapter_tags.c.tag, "tag", shape.tags))
        yield _c.id.in_(some.group_by(adapter_tags.c.adapter_id).having(func.count() == shape.tags))
    if shape.any_tags:
        yield _c.id.in_(tagged.where(any_of(adapter_tags.c.tag, "any_tag", shape.any_tags)))
    if shape.not_tags:
        yield _c.id.not_in(tagged.where(any_of(adapter_tags.c.tag, "not_tag", shape.not_tags)))
    for number in range(shape.words):
        yield place_in(_c.search_text, bindparam(f"word_{number}", type_=_c.search_text.type)) > 0
    for name in _EQUAL:
        if getattr(shape, name):
            yield _c[name] == bindparam(name)


@lru_cache(maxsize=256)
def total(shape: Shape) -> Select[Any]:
    """How many LoRAs pass the filters."""
    return select(func.count()).select_from(adapters).where(*_conditions(shape))


def page(selection: Selection, filters: Filters) -> Lookup:
    """Ids and revisions of the page, and of one more where there is a next page."""
    parameters = {**filters.parameters, "limit": selection.limit + 1, "offset": selection.offset}
    cursor = selection.cursor
    if cursor is not None:
        missing = -FAR if selection.order.descending else FAR
        parameters |= {"key": missing if cursor.value is None else cursor.value, "id": cursor.lora_id}
    return Lookup(_page(filters.shape, selection.order, cursor is not None), parameters)


@lru_cache(maxsize=256)
def _page(shape: Shape, order: Order, behind: bool) -> Select[Any]:  # noqa: FBT001  # part of the cache's key
    key = _c[SORT_KEYS[order.field][order.descending]]
    query = select(*HELD).where(*_conditions(shape))
    if behind:
        place = tuple_(bindparam("key", type_=key.type), bindparam("id", type_=Id))
        query = query.where(tuple_(key, _c.id) < place if order.descending else tuple_(key, _c.id) > place)
    ordering = (key.desc(), _c.id.desc()) if order.descending else (key, _c.id)
    return query.order_by(*ordering).limit(bindparam("limit")).offset(bindparam("offset"))
