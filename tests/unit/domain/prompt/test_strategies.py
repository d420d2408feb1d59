from collections.abc import Callable

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from lora_manager.domain.file.record import FileState, name_problem
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import A1111, DIALECTS, Dialect, LoraTag
from lora_manager.testing import strategies

FIRST_FOUND = settings(phases=[Phase.generate], database=None)


def shares_a_name(loras: list[Lora]) -> bool:
    return len({lora.name for lora in loras}) < len(loras)


def ties_ordinals(loras: list[Lora]) -> bool:
    ordinals = [lora.ordinal for lora in loras if lora.ordinal is not None]
    return len(set(ordinals)) < len(ordinals)


def misses_a_file(loras: list[Lora]) -> bool:
    return any(lora.file is not None and lora.file.state is FileState.MISSING for lora in loras)


@pytest.mark.parametrize("clash", [shares_a_name, ties_ordinals, misses_a_file])
def test_registries_clash_in_every_way_that_is_allowed(clash: Callable[[list[Lora]], bool]) -> None:
    assert clash(find(strategies.registries(), clash, settings=FIRST_FOUND))


@given(strategies.registries())
def test_registries_hold_no_id_and_no_name_with_version_twice(loras: list[Lora]) -> None:
    assert len({lora.id for lora in loras}) == len({(lora.name, lora.version) for lora in loras}) == len(loras)


@given(strategies.loras(name=st.just("ink"), active=st.just(True), file=st.none()))
def test_a_field_of_a_lora_can_be_given(lora: Lora) -> None:
    assert (lora.name, lora.active, lora.file) == ("ink", True, None)


@given(strategies.names())
def test_names_are_names(name: str) -> None:
    assert name_problem(name) is None


WRITABLE = {d: (strategies.names(d).map(LoraTag), strategies.tags(d)) for d in DIALECTS.values()}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=st.data())
def test_names_and_tags_for_a_dialect_are_written_without_objection(dialect: Dialect, data: st.DataObject) -> None:
    assert not any(dialect.objections(data.draw(tags)) for tags in WRITABLE[dialect])


def test_tags_differ_in_both_weights_where_the_dialect_has_room_for_two() -> None:
    assert find(strategies.tags(A1111), lambda tag: tag.te_weight is not None, settings=FIRST_FOUND)
