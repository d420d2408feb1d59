"""Listings, written down as plainly as they can be: what the databases are held against."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import Cursor, Order, Page, Selection, SortValue


def page_of(loras: Iterable[Lora], selection: Selection) -> Page:
    """The page of these LoRAs that a selection asks for; ties are ordered by id, in the direction of the order."""
    order = selection.order
    matching = sorted(
        (lora for lora in loras if selection.admits(lora)),
        key=lambda lora: _place(order, order.field.value_of(lora), lora.id),
        reverse=order.descending,
    )
    rest = [lora for lora in matching if selection.cursor is None or _is_behind(lora, selection.cursor)]
    items = rest[selection.offset : selection.offset + selection.limit]
    more = selection.offset + selection.limit < len(rest)
    return Page(tuple(items), len(matching), Cursor.behind(items[-1], order) if more else None)


def _is_behind(lora: Lora, cursor: Cursor) -> bool:
    here = _place(cursor.order, cursor.order.field.value_of(lora), lora.id)
    there = _place(cursor.order, cursor.value, cursor.lora_id)
    return here < there if cursor.order.descending else here > there


def _place(order: Order, value: SortValue, lora_id: UUID) -> tuple[bool, Any, UUID]:
    """Sorts by value and id; a missing value comes last, so read backwards it is below all others."""
    missing = value is None
    return (missing != order.descending, 0 if missing else value, lora_id)
