"""The contract of ``ports.catalog.LoraCatalog``."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import Cursor, Order, OrderField, Selection
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from tests.contract.examples import LATER, NOW, a_lora, a_record, new_id
from tests.contract.stores import Stores

ORDERS = [Order(field, descending) for field in OrderField for descending in (False, True)]


async def names(stores: Stores, selection: Selection) -> list[str]:
    return [lora.name for lora in (await stores.catalog.page(selection)).items]


async def test_get_finds_the_living_only(stores: Stores) -> None:
    living, deleted = a_lora("living"), a_lora("deleted", deleted_at=NOW)
    await stores.add(living, deleted)
    assert await stores.catalog.get(living.id) == living
    for missing in (deleted.id, new_id()):
        with pytest.raises(LoraNotFound) as refused:
            await stores.catalog.get(missing)
        assert refused.value.reference == missing


async def test_every_answer_holds_what_was_committed_before(stores: Stores) -> None:
    lora = a_lora(tags=("t0",), active=True)
    await stores.add(lora)
    for number in range(1, 5):
        lora, _ = lora.revise(now=LATER, tags=(f"t{number}",), name=f"ink{number}")
        await stores.save(lora)
        assert await stores.catalog.get(lora.id) == lora
        assert list(await stores.catalog.active()) == [lora]
        assert list(await stores.catalog.find(names=[lora.name])) == [lora]
        assert (await stores.catalog.page(Selection())).items == (lora,)
        assert (await stores.catalog.page(Selection(tags=(f"t{number}",)))).total == 1
        assert (await stores.catalog.page(Selection(tags=(f"t{number - 1}",)))).total == 0
        assert list(await stores.report.tags()) == [(f"t{number}", 1)]
    lora, _ = lora.delete(now=LATER)
    await stores.save(lora)
    assert list(await stores.catalog.active()) == []
    assert (await stores.catalog.page(Selection())).total == 0


async def test_find_answers_in_canonical_order_each_once(stores: Stores) -> None:
    last, second, first = a_lora("a"), a_lora("z", ordinal=1), a_lora("ink", ordinal=-1, version="1")
    gone, other = a_lora("ink", deleted_at=NOW), a_lora("other")
    await stores.add(last, second, first, gone, other)
    found = await stores.catalog.find(ids=[last.id, first.id, gone.id, new_id()], names=["ink", "z", "nobody"])
    assert list(found) == [first, second, last]
    assert list(await stores.catalog.find()) == []


async def test_names_that_cannot_be_stored_are_nobodys(stores: Stores) -> None:
    lora = a_lora("ink")
    await stores.add(lora)
    assert list(await stores.catalog.find(names=["a\x00b", "\ud800", "ink"])) == [lora]
    async with stores.begin() as uow:
        assert list(await uow.loras.matching(paths=["/\udcff"], sha256s=["\x00"], names=["\x00", "ink"])) == [lora]


async def test_find_takes_any_number_of_ids_and_names(stores: Stores) -> None:
    loras = [a_lora(f"n{number:04}") for number in range(1_100)]
    await stores.add(*loras)
    ids, some_names = [lora.id for lora in loras[:600]], [lora.name for lora in loras[500:]]
    assert list(await stores.catalog.find(ids=ids, names=some_names)) == loras


async def test_active_answers_in_canonical_order(stores: Stores) -> None:
    same_place = [a_lora(name, version=version, ordinal=3, active=True) for name in "aB" for version in (None, "1")]
    tied = [a_lora("tie", version=str(number), active=True) for number in range(3)]
    loras = [*tied, *same_place, a_lora("first", ordinal=-5, active=True), a_lora("idle", ordinal=1)]
    await stores.add(*loras, a_lora("gone", active=True, deleted_at=NOW))
    expected = sorted((lora for lora in loras if lora.active), key=lambda lora: lora.order_key)
    assert list(await stores.catalog.active()) == expected


@pytest.fixture
def various() -> list[Lora]:
    """LoRAs with ties and missing values in everything a listing can be ordered by."""
    return [
        a_lora(
            name,
            version=str(number),
            ordinal=(None, 5, -5, 5)[number % 4],
            weight=(1.0, 0.5, 1.0)[number % 3],
            file=None if number % 3 == 0 else a_record(size_bytes=number % 4 * 1_000),
            created_at=NOW + timedelta(microseconds=number % 5),
            updated_at=NOW - timedelta(microseconds=number % 5),
        )
        for number, name in enumerate(["b", "a", "B", "ä", "Ω", "🖌", "ﬀ", "a", "b", "𝒂", "\ue000", "z"])
    ]


def in_order(loras: list[Lora], order: Order) -> list[Lora]:
    def by_value_and_id(lora: Lora) -> tuple[Any, Any]:
        return order.field.value_of(lora), lora.id

    present = [lora for lora in loras if order.field.value_of(lora) is not None]
    missing = [lora for lora in loras if order.field.value_of(lora) is None]
    return [
        *sorted(present, key=by_value_and_id, reverse=order.descending),
        *sorted(missing, key=lambda lora: lora.id, reverse=order.descending),
    ]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_a_listing_is_ordered_by_value_then_id_with_missing_values_last(
    stores: Stores, various: list[Lora], order: Order
) -> None:
    await stores.add(*various)
    page = await stores.catalog.page(Selection(order=order))
    assert list(page.items) == in_order(various, order)
    assert page.total == len(various)
    assert page.next_cursor is None


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_pages_by_cursor_and_by_offset_cover_a_listing_without_gap_or_overlap(
    stores: Stores, various: list[Lora], order: Order
) -> None:
    await stores.add(*various)
    by_cursor: list[Lora] = []
    by_offset: list[Lora] = []
    selection: Selection | None = Selection(order=order, limit=5)
    while selection is not None:
        page = await stores.catalog.page(selection)
        by_offset += (await stores.catalog.page(Selection(order=order, limit=5, offset=len(by_cursor)))).items
        by_cursor += page.items
        assert page.total == len(various)
        cursor = page.next_cursor
        selection = replace(selection, cursor=Cursor.parse(cursor.text, order)) if cursor else None
    assert by_cursor == by_offset == in_order(various, order)


async def test_a_cursor_holds_its_place_while_loras_come_and_go(stores: Stores) -> None:
    loras = [a_lora(name) for name in "abcd"]
    await stores.add(*loras)
    first = await stores.catalog.page(Selection(limit=2))
    await stores.save(loras[1].delete(now=LATER)[0])
    await stores.add(a_lora("0"), a_lora("b2"))
    second = await stores.catalog.page(Selection(limit=2, cursor=first.next_cursor))
    assert [lora.name for lora in second.items] == ["b2", "c"]


async def test_a_page_that_ends_the_listing_has_no_next_cursor(stores: Stores) -> None:
    await stores.add(a_lora("a"), a_lora("b"))
    assert (await stores.catalog.page(Selection(limit=2))).next_cursor is None
    assert (await stores.catalog.page(Selection(limit=1))).next_cursor is not None
    beyond = await stores.catalog.page(Selection(offset=2**53 - 1))
    assert (beyond.items, beyond.total, beyond.next_cursor) == ((), 2, None)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "a b c d"),
        ({"active": True}, "a c"),
        ({"active": False}, "b d"),
        ({"tags": ("x",)}, "a b"),
        ({"tags": ("x", "style:y")}, "a"),
        ({"tags": ("X",)}, ""),
        ({"tags": ("x", "x", "x", "x", "x", "x")}, "a b"),
        ({"any_tags": ("x", "z")}, "a b c"),
        ({"not_tags": ("z", "nowhere")}, "a b d"),
        ({"any_tags": ("x", "z"), "not_tags": ("style:y",)}, "b c"),
        ({"base_model": "sdxl"}, "a d"),
        ({"base_model": ""}, ""),
        ({"file_state": FileState.PRESENT}, "a"),
        ({"file_state": FileState.MISSING}, "b"),
        ({"validation_state": ValidationState.VALID}, "c"),
        ({"validation_state": ValidationState.UNCHECKED}, "a b d"),
        ({"active": True, "tags": ("z",), "base_model": "flux", "words": ("100%",)}, "c"),
    ],
    ids=str,
)
async def test_all_filters_must_hold(stores: Stores, filters: dict[str, Any], expected: str) -> None:
    await stores.add(
        a_lora("d", base_model="sdxl"),
        a_lora("c", tags=("z",), active=True, base_model="flux", title="100%", validation=valid()),
        a_lora("b", tags=("x",), file=a_record(state=FileState.MISSING)),
        a_lora("a", tags=("style:y", "x"), active=True, base_model="sdxl", file=a_record()),
        a_lora("gone", tags=("x", "z"), active=True, base_model="sdxl", deleted_at=NOW),
    )
    page = await stores.catalog.page(Selection(**filters))
    assert [lora.name for lora in page.items] == expected.split()
    assert page.total == len(page.items)
    assert await names(stores, Selection(**filters, limit=1)) == expected.split()[:1]


def valid() -> Validation:
    return Validation(state=ValidationState.VALID)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("ink",), True),
        (("WASH", "Ink"), True),
        (("ink", "pencil"), False),
        (("k.w",), True),
        (("k_w",), False),
        (("%",), False),
        (("\\",), False),
        (("strasse",), True),
        (("STRASSE",), True),
        (("ﬁn",), True),
        (("🖌",), True),
        (("brush stroke",), True),
        (("",), True),
        (("described",), False),
        (("version-1",), False),
        (("e" * 5_000,), False),
    ],
)
async def test_words_are_looked_for_in_name_title_tags_and_triggers(
    stores: Stores, words: tuple[str, ...], found: bool
) -> None:
    await stores.add(
        a_lora(
            "Ink.wash",
            version="version-1",
            title="Straße",
            description="described",
            tags=("Fine 🖌",),
            triggers=(Trigger("Brush Stroke"),),
        )
    )
    assert (await stores.catalog.page(Selection(words=words))).total == int(found)


async def test_a_hundred_of_each_filter_are_taken(stores: Stores) -> None:
    tags = tuple(f"t{number}" for number in range(100))
    await stores.add(a_lora("all", tags=tags), a_lora("none"))
    others = tuple(f"o{number}" for number in range(100))
    words = tuple(f"t{number}" for number in range(100))
    assert await names(stores, Selection(tags=tags, any_tags=tags, not_tags=others, words=words)) == ["all"]
    assert await names(stores, Selection(not_tags=tags)) == ["none"]


async def test_long_listings_are_answered_page_after_page(stores: Stores) -> None:
    loras = [a_lora(f"n{number:04}") for number in range(1_200)]
    await stores.add(*loras)
    seen: list[Lora] = []
    cursor = None
    for _ in range(3):
        page = await stores.catalog.page(Selection(limit=500, cursor=cursor))
        seen += page.items
        cursor = page.next_cursor
    assert seen == loras
    assert cursor is None
