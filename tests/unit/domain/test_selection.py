"""Which LoRAs a listing shows, and the cursor to its next page."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import Cursor, Order, OrderField, Selection, fold
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.testing import strategies
from tests.contract.examples import NOW, a_lora, a_record

ORDERS = [Order(field, descending) for field in OrderField for descending in (False, True)]
BY_NAME = Order()
ID = UUID(int=7).hex
FOREIGN = InvalidField("cursor", "is not a next_cursor that this service gave")
TEXT = "must not contain NUL characters or unpaired surrogates"


def packed(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def refusal(text: str, order: Order = BY_NAME) -> tuple[InvalidField, ...]:
    with pytest.raises(InvalidFields) as refused:
        Cursor.parse(text, order)
    return refused.value.fields


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_an_order_is_read_as_it_is_written(order: Order) -> None:
    assert Order.parse(str(order)) == order


def test_a_minus_in_front_reverses_an_order() -> None:
    assert Order.parse("-created_at") == Order(OrderField.CREATED_AT, descending=True)


@pytest.mark.parametrize("text", ["", "-", "--name", "+name", "Name", "name ", "id", "name,weight"])
def test_an_order_by_anything_else_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        Order.parse(text)
    allowed = "name, created_at, updated_at, ordinal, weight, size_bytes"
    assert refused.value.fields == (InvalidField("order_by", f"must be one of {allowed}; - in front reverses"),)


@given(strategies.loras(), st.sampled_from(ORDERS))
def test_a_cursor_behind_any_lora_is_read_back_as_it_was(lora: Lora, order: Order) -> None:
    cursor = Cursor.behind(lora, order)
    assert Cursor.parse(cursor.text, order) == cursor


@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from([OrderField.CREATED_AT, OrderField.UPDATED_AT]))
def test_a_cursor_keeps_a_time_to_the_microsecond(moment: datetime, field: OrderField) -> None:
    cursor = Cursor(Order(field), moment, UUID(ID))
    assert Cursor.parse(cursor.text, cursor.order) == cursor


@given(strategies.loras(), st.sampled_from(ORDERS))
def test_a_cursor_needs_no_quoting_in_a_url(lora: Lora, order: Order) -> None:
    text = Cursor.behind(lora, order).text
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("order", ORDERS[1:], ids=str)
def test_a_cursor_of_another_order_is_refused(order: Order) -> None:
    text = Cursor.behind(a_lora(), BY_NAME).text
    assert refusal(text, order) == (InvalidField("cursor", f"belongs to order_by=name, not {order}"),)


@pytest.mark.parametrize(
    "text",
    ["", "=", "a", "!!!!", "é", "\ud800", "AAAA", packed("name")[:-1], base64.b64encode(b"\xff\xfe").decode()],
    ids=ascii,
)
def test_what_is_not_packed_like_a_cursor_is_refused(text: str) -> None:
    assert refusal(text) == (FOREIGN,)


@pytest.mark.parametrize(
    "content",
    [
        None,
        1,
        "abc",
        [],
        ["name", "ink"],
        ["name", "ink", ID, 1],
        {"a": 1, "b": 2, "c": 3},
        [None, "ink", ID],
        [["name"], "ink", ID],
        ["id", "ink", ID],
        ["name", "ink", None],
        ["name", "ink", 7],
        ["name", "ink", "7"],
        ["name", None, ID],
        ["name", 1, ID],
        ["name", ["ink"], ID],
        ["name", 10**400, ID],
        ["name", "a\x00b", ID],
        ["name", "a\ud800b", ID],
        ["created_at", None, ID],
        ["created_at", 1, ID],
        ["created_at", "yesterday", ID],
        ["created_at", "2026-01-02T03:04:05", ID],
        ["updated_at", "2026-13-02T03:04:05+00:00", ID],
        ["weight", None, ID],
        ["weight", "1", ID],
        ["weight", 10**400, ID],
        ["weight", True, ID],
        ["weight", float("nan"), ID],
        ["weight", float("inf"), ID],
        ["ordinal", "1", ID],
        ["ordinal", 10**400, ID],
        ["ordinal", 1.0, ID],
        ["ordinal", False, ID],
        ["ordinal", 2**63, ID],
        ["size_bytes", -(2**63), ID],
        ["size_bytes", {}, ID],
    ],
    ids=ascii,
)
def test_a_forged_cursor_is_refused(content: object) -> None:
    assert refusal(packed(content)) == (FOREIGN,)


def test_a_cursor_nested_without_end_is_refused() -> None:
    assert refusal(base64.urlsafe_b64encode(b"[" * 99_999).decode().rstrip("=")) == (FOREIGN,)


def test_a_plain_selection_shows_the_first_hundred_by_name() -> None:
    selection = Selection()
    assert (selection.limit, selection.offset, str(selection.order), selection.cursor) == (100, 0, "name", None)


@pytest.mark.parametrize(
    ("parameters", "field", "reason"),
    [
        ({"limit": 0}, "limit", "must be from 1 to 500"),
        ({"limit": 501}, "limit", "must be from 1 to 500"),
        ({"offset": -1}, "offset", "must be from 0 to 9007199254740991"),
        ({"offset": 2**53}, "offset", "must be from 0 to 9007199254740991"),
        ({"offset": 1, "cursor": Cursor.behind(a_lora(), BY_NAME)}, "offset", "cannot go together with cursor"),
        ({"tags": ("t",) * 101}, "tag", "must be at most 100, are 101"),
        ({"any_tags": ("t",) * 101}, "any_tag", "must be at most 100, are 101"),
        ({"not_tags": ("t",) * 101}, "not_tag", "must be at most 100, are 101"),
        ({"words": ("w",) * 101}, "q", "must be at most 100, are 101"),
        ({"tags": ("\x00",)}, "tag", TEXT),
        ({"any_tags": ("good", "\ud800")}, "any_tag", TEXT),
        ({"not_tags": ("\x00",)}, "not_tag", TEXT),
        ({"words": ("\x00",)}, "q", TEXT),
        ({"base_model": "\x00"}, "base_model", TEXT),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_parameter_beyond_its_limit_is_refused_by_name(parameters: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidFields) as refused:
        Selection(**parameters)
    assert refused.value.fields == (InvalidField(field, reason),)


def test_all_parameters_beyond_their_limits_are_named_at_once() -> None:
    with pytest.raises(InvalidFields) as refused:
        Selection(limit=0, offset=-1, tags=("\x00",) * 101, base_model="\x00")
    assert [field.name for field in refused.value.fields] == ["limit", "offset", "tag", "tag", "base_model"]


@pytest.mark.parametrize(
    ("filters", "admitted"),
    [
        ({}, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"tags": ("a", "b")}, True),
        ({"tags": ("a", "c")}, False),
        ({"tags": ("A",)}, False),
        ({"any_tags": ("c", "a")}, True),
        ({"any_tags": ("c",)}, False),
        ({"not_tags": ("c",)}, True),
        ({"not_tags": ("c", "a")}, False),
        ({"base_model": "sdxl"}, True),
        ({"base_model": ""}, False),
        ({"file_state": FileState.PRESENT}, True),
        ({"file_state": FileState.MISSING}, False),
        ({"validation_state": ValidationState.VALID}, True),
        ({"validation_state": ValidationState.UNCHECKED}, False),
        ({"words": ("INK",)}, True),
        ({"words": ("strasse",)}, True),
        ({"words": ("brush st",)}, True),
        ({"words": ("ink", "strasse", "b", "")}, True),
        ({"words": ("ink", "pencil")}, False),
        ({"words": ("described",)}, False),
        ({"words": ("inkstraße",)}, False),
        ({"active": True, "tags": ("a",), "words": ("pencil",)}, False),
    ],
    ids=str,
)
def test_a_selection_admits_what_passes_every_filter(filters: dict[str, Any], admitted: bool) -> None:
    lora = a_lora(
        "ink",
        title="Straße",
        description="described",
        active=True,
        tags=("a", "b"),
        triggers=(Trigger("Brush Stroke"),),
        base_model="sdxl",
        file=a_record(),
        validation=Validation(state=ValidationState.VALID),
    )
    assert Selection(**filters).admits(lora) is admitted


def test_a_file_nobody_looked_at_is_in_no_state() -> None:
    assert not any(Selection(file_state=state).admits(a_lora()) for state in FileState)


def test_a_deleted_lora_is_never_admitted() -> None:
    assert not Selection().admits(a_lora(deleted_at=NOW))


@pytest.mark.parametrize(
    ("one", "other"), [("INK", "ink"), ("Straße", "STRASSE"), ("ﬁne", "FINE"), ("e\u0301", "É"), ("ｉｎｋ", "ink")]
)
def test_spellings_that_only_look_different_are_searched_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("é", "e"), ("ink wash", "inkwash"), ("a_b", "a-b")])
def test_spellings_that_mean_something_else_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)
