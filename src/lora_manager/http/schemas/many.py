"""Doing something to many adapters, and placing them."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from lora_manager.app.loras.change_many import BulkAction, BulkResult, ChangeManyCommand
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.fields import check_tags
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.input import Input

MAX_IDS = 10_000  # one transaction has to hold them all

_EXAMPLE_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
Ids = Annotated[
    tuple[UUID, ...],
    Meta(description="Ids of adapters", examples=[[_EXAMPLE_ID]], extra_json_schema={"maxItems": MAX_IDS}),
]


def _check_count(ids: tuple[UUID, ...]) -> None:
    if len(ids) > MAX_IDS:
        raise InvalidFields([InvalidField("ids", f"must be at most {MAX_IDS}, are {len(ids)}")])


class ActivateQuery(Input, frozen=True, kw_only=True):
    """Where to put the adapter, said in the query."""

    ordinal: f.Place | UnsetType = UNSET


class ActivateInput(Input, frozen=True, kw_only=True):
    """Where to put the adapter; null or nothing leaves it where it is."""

    ordinal: f.Ordinal = None

    def ordinal_with(self, query: ActivateQuery) -> int | None:
        """The ordinal from wherever it is said.

        :raises InvalidFields: it is said twice, and not the same
        """
        if query.ordinal is UNSET:
            return self.ordinal
        if self.ordinal not in {None, query.ordinal}:
            raise InvalidFields([InvalidField("ordinal", "is one number in the body and another in the query")])
        return query.ordinal


class ReorderInput(Input, frozen=True, kw_only=True):
    """The adapters in their new order."""

    ids: Ids

    def to_ids(self) -> tuple[UUID, ...]:
        """The ids.

        :raises InvalidFields: there are too many
        """
        _check_count(self.ids)
        return self.ids


class BulkInput(Input, frozen=True, kw_only=True):
    """What to do to which adapters."""

    action: BulkAction
    ids: Ids
    tags: Annotated[f.Tags, Meta(description="To add or take away; for `tag` and `untag` only")] | UnsetType = UNSET

    def to_command(self) -> ChangeManyCommand:
        """The request as the application knows it.

        :raises InvalidFields: there are too many ids, or the tags do not go with the action
        """
        _check_count(self.ids)
        tags = () if self.tags is UNSET else self.tags
        if problems := tuple(check_tags(tags)):
            raise InvalidFields(problems)
        return ChangeManyCommand(action=self.action, lora_ids=self.ids, tags=tags)


class BulkOutcome(Struct, frozen=True):
    """What came of it for one adapter."""

    id: UUID
    result: BulkResult


class BulkAnswer(Struct, frozen=True):
    """What came of it, in the order of the ids, each once."""

    items: tuple[BulkOutcome, ...]

    @classmethod
    def of(cls, results: Mapping[UUID, BulkResult]) -> Self:
        """The results as clients see them."""
        return cls(tuple(BulkOutcome(lora_id, result) for lora_id, result in results.items()))


class TagCount(Struct, frozen=True):
    """A tag and how many adapters carry it."""

    tag: str
    count: int


class TagList(Struct, frozen=True):
    """All tags, most used first."""

    items: tuple[TagCount, ...]

    @classmethod
    def of(cls, counts: Iterable[tuple[str, int]]) -> Self:
        """The counts as clients see them."""
        return cls(tuple(TagCount(tag, count) for tag, count in counts))
