"""Listing adapters: what to filter by, and pages."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, convert

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.file.record import FileState
from lora_manager.domain.selection import MAX_FILTERS, MAX_LIMIT, MAX_OFFSET, Cursor, Order, OrderField, Selection
from lora_manager.domain.validation import ValidationState
from lora_manager.http.schemas.adapter import AdapterResource
from lora_manager.http.schemas.input import Input

_ORDERS = [sign + field for field in OrderField for sign in ("", "-")]
_MANY = {"maxItems": MAX_FILTERS}


class AdapterQuery(Input, frozen=True, kw_only=True):
    """Filters (all must hold), an order and a page."""

    active: Annotated[bool, Meta(description="Only active ones, or only the others")] | UnsetType = UNSET
    tag: Annotated[
        tuple[str, ...], Meta(description="Carries it; repeat it: all of them", extra_json_schema=_MANY)
    ] = ()
    any_tag: Annotated[
        tuple[str, ...], Meta(description="Repeat it: carries at least one of them", extra_json_schema=_MANY)
    ] = ()
    not_tag: Annotated[
        tuple[str, ...], Meta(description="Repeat it: carries none of them", extra_json_schema=_MANY)
    ] = ()
    q: Annotated[
        str,
        Meta(description="Words, each of which occurs in the name, title, tags or triggers; case does not matter"),
    ] = ""
    base_model: Annotated[str, Meta(description="Made for this family", examples=["sdxl"])] | UnsetType = UNSET
    file_state: Annotated[FileState, Meta(description="What the last look at the file found")] | UnsetType = UNSET
    validation_state: Annotated[ValidationState, Meta(description="What CivitAI said")] | UnsetType = UNSET
    order_by: Annotated[
        str,
        Meta(
            description="`-` in front reverses; ties are ordered by id; a missing value comes last",
            extra_json_schema={"enum": _ORDERS},
        ),
    ] = "name"
    limit: Annotated[
        int, Meta(description="Size of the page", extra_json_schema={"minimum": 1, "maximum": MAX_LIMIT})
    ] = 100
    offset: Annotated[
        int,
        Meta(
            description="How many to skip; prefer `cursor`, which stays exact while entries come and go",
            extra_json_schema={"minimum": 0, "maximum": MAX_OFFSET},
        ),
    ] = 0
    cursor: Annotated[str, Meta(description="The `next_cursor` of the page before")] | UnsetType = UNSET

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        convert(sound, cls).to_selection()

    def to_selection(self) -> Selection:
        """The query as the domain knows it.

        :raises InvalidFields: naming every parameter out of range
        """
        problems: list[InvalidField] = []
        order, cursor, selection = Order(), None, None
        try:
            order = Order.parse(self.order_by)
            cursor = None if self.cursor is UNSET else Cursor.parse(self.cursor, order)
        except InvalidFields as error:
            problems += error.fields
        try:
            selection = Selection(
                active=None if self.active is UNSET else self.active,
                tags=self.tag,
                any_tags=self.any_tag,
                not_tags=self.not_tag,
                words=tuple(self.q.split()),
                base_model=None if self.base_model is UNSET else self.base_model,
                file_state=None if self.file_state is UNSET else self.file_state,
                validation_state=None if self.validation_state is UNSET else self.validation_state,
                order=order,
                limit=self.limit,
                offset=self.offset,
                cursor=cursor,
            )
        except InvalidFields as error:
            problems += error.fields
        if selection is None or problems:
            raise InvalidFields(problems)
        return selection


class AdapterPage(Struct, frozen=True):
    """One page of a listing."""

    items: tuple[AdapterResource, ...]
    total: Annotated[int, Meta(description="How many match, on all pages")]
    limit: int
    offset: Annotated[int, Meta(description="0 where the page was asked for by cursor")]
    next_cursor: Annotated[str | None, Meta(description="null on the last page")]
