"""Which LoRAs a listing shows, in which order, and where its next page begins.

These are the rules; a store that answers in SQL gives the same answers (the contract suite compares them).
"""

import base64
import binascii
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.text import UNSTORABLE
from lora_manager.domain.validation import ValidationState

MAX_LIMIT = 500
MAX_OFFSET = 2**53 - 1
MAX_FILTERS = 100

SortValue = str | int | float | datetime | None


class OrderField(StrEnum):
    """What a listing may be ordered by; the id breaks ties, a missing value comes last in both directions."""

    NAME = "name"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    ORDINAL = "ordinal"
    WEIGHT = "weight"
    SIZE_BYTES = "size_bytes"

    def value_of(self, lora: Lora) -> SortValue:
        """What this LoRA is ordered by."""
        value: SortValue = getattr(lora, self.value)
        return value


@dataclass(frozen=True, slots=True)
class Order:
    """A field and a direction."""

    field: OrderField = OrderField.NAME
    descending: bool = False

    @classmethod
    def parse(cls, text: str) -> "Order":
        """Read ``name`` or ``-name``.

        :raises InvalidFields: the field is none of :class:`OrderField`
        """
        try:
            return cls(OrderField(text.removeprefix("-")), text.startswith("-"))
        except ValueError:
            allowed = ", ".join(OrderField)
            raise InvalidFields([InvalidField("order_by", f"must be one of {allowed}; - in front reverses")]) from None

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field.value


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place behind one item of an ordered listing; ``text`` is opaque to clients."""

    order: Order
    value: SortValue
    lora_id: UUID

    @classmethod
    def behind(cls, lora: Lora, order: Order) -> "Cursor":
        """The place behind this LoRA."""
        return cls(order, order.field.value_of(lora), lora.id)

    @property
    def text(self) -> str:
        """The cursor as a client carries it: URL-safe, no padding."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        packed = json.dumps([str(self.order), value, self.lora_id.hex], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, order: Order) -> "Cursor":
        """Read a cursor back.

        :raises InvalidFields: it is not one of ours, or belongs to another order
        """
        try:
            packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            said_order, value, lora_id = json.loads(packed)
            cursor = cls(Order.parse(said_order), _typed(Order.parse(said_order).field, value), UUID(hex=lora_id))
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError, InvalidFields):
            raise InvalidFields([InvalidField("cursor", "is not a next_cursor that this service gave")]) from None
        if cursor.order != order:
            raise InvalidFields([InvalidField("cursor", f"belongs to order_by={cursor.order}, not {order}")])
        return cursor


def _typed(order_field: OrderField, value: object) -> SortValue:
    """The cursor's value in the type of its field; anything else is a forged cursor."""
    if order_field is OrderField.NAME and isinstance(value, str) and not UNSTORABLE.search(value):
        return value
    if order_field in {OrderField.CREATED_AT, OrderField.UPDATED_AT} and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.utcoffset() is not None:
            return moment
    number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63
    if order_field is OrderField.WEIGHT and number:
        return float(value)  # type: ignore[arg-type]  # number says that it is one
    if order_field in {OrderField.ORDINAL, OrderField.SIZE_BYTES}:
        if value is None:
            return None
        if isinstance(value, int) and number:
            return value
    raise ValueError(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A listing: filters (all must hold), an order and a page.

    :param tags: all of these; ``any_tags``: at least one; ``not_tags``: none
    :param words: each must occur in the name, title, tags or triggers; case does not matter
    :param limit: 1..500
    :param cursor: continue behind this item; then offset must be 0
    :raises InvalidFields: naming every parameter out of range
    """

    active: bool | None = None
    tags: tuple[str, ...] = ()
    any_tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    base_model: str | None = None
    file_state: FileState | None = None
    validation_state: ValidationState | None = None
    order: Order = field(default_factory=Order)
    limit: int = 100
    offset: int = 0
    cursor: Cursor | None = None

    def __post_init__(self) -> None:
        if problems := tuple(self._problems()):
            raise InvalidFields(problems)

    def _problems(self) -> Iterator[InvalidField]:
        if not 1 <= self.limit <= MAX_LIMIT:
            yield InvalidField("limit", f"must be from 1 to {MAX_LIMIT}")
        if not 0 <= self.offset <= MAX_OFFSET:
            yield InvalidField("offset", f"must be from 0 to {MAX_OFFSET}")
        if self.cursor is not None and self.offset:
            yield InvalidField("offset", "cannot go together with cursor")
        filters = {"tag": self.tags, "any_tag": self.any_tags, "not_tag": self.not_tags, "q": self.words}
        for name, values in (*filters.items(), ("base_model", (self.base_model or "",))):
            if len(values) > MAX_FILTERS:
                yield InvalidField(name, f"must be at most {MAX_FILTERS}, are {len(values)}")
            if any(UNSTORABLE.search(value) for value in values):
                yield InvalidField(name, "must not contain NUL characters or unpaired surrogates")

    def admits(self, lora: Lora) -> bool:
        """Whether the LoRA passes every filter; a deleted one never does."""
        tags = set(lora.tags)
        return (
            lora.deleted_at is None
            and self.active in {None, lora.active}
            and tags.issuperset(self.tags)
            and (not self.any_tags or not tags.isdisjoint(self.any_tags))
            and tags.isdisjoint(self.not_tags)
            and self.base_model in {None, lora.base_model}
            and self.file_state in {None, lora.file.state if lora.file else None}
            and self.validation_state in {None, lora.validation.state}
            and all(fold(word) in search_text(lora) for word in self.words)
        )


def fold(text: str) -> str:
    """The text as searching compares it: compatibility forms unified, case folded."""
    return unicodedata.normalize("NFKC", text).casefold()


def search_text(lora: Lora) -> str:
    """All that ``words`` looks into, folded, a line each."""
    return fold("\n".join((lora.name, lora.title or "", *lora.tags, *(trigger.text for trigger in lora.triggers))))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; ``total`` counts all that match, not the page."""

    items: tuple[Lora, ...]
    total: int
    next_cursor: Cursor | None
