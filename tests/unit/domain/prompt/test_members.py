from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import Dedupe, Member, WarningCode, active_members
from lora_manager.domain.prompt.members import deduplicate
from lora_manager.testing import strategies
from tests.contract.examples import NOW
from tests.unit.domain.prompt.examples import a_lora


def ordered(*loras: Lora) -> list[str]:
    return [member.lora.name for member in active_members(loras)]


def test_loras_with_an_ordinal_come_first_and_the_others_follow_by_name() -> None:
    assert ordered(a_lora("b"), a_lora("z", ordinal=2), a_lora("a"), a_lora("y", ordinal=-1)) == ["y", "z", "a", "b"]


def test_names_are_ordered_by_code_point() -> None:
    assert ordered(*map(a_lora, ["a", "B", "é", "Z", "10", "9"])) == ["10", "9", "B", "Z", "a", "é"]


def test_versions_of_one_name_are_ordered_none_first_then_by_code_point() -> None:
    loras = [a_lora(version=version) for version in ("v2", None, "v10")]
    assert [member.lora.version for member in active_members(loras)] == [None, "v10", "v2"]


def test_inactive_and_deleted_loras_take_no_part() -> None:
    assert ordered(a_lora("off", active=False), a_lora("gone", deleted_at=NOW), a_lora("on")) == ["on"]


@given(strategies.registries(active=st.just(True)), st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(loras: list[Lora], random: Random) -> None:
    shuffled = random.sample(loras, len(loras))
    assert active_members(shuffled) == active_members(loras)


def stays(weights: Sequence[float], dedupe: Dedupe) -> list[int]:
    """Which of several LoRAs of one name stay, by their place; another name stands between them."""
    members = [Member(a_lora("ink", weight=weight)) for weight in weights]
    members.insert(1, Member(a_lora("other")))
    staying, _ = deduplicate(members, dedupe)
    return [index for index, member in enumerate(members) if any(member is kept for kept in staying)]


@pytest.mark.parametrize(
    ("dedupe", "staying"),
    [
        (Dedupe.HIGHEST_WEIGHT, [1, 2]),
        (Dedupe.FIRST, [0, 1]),
        (Dedupe.LAST, [1, 3]),
        (Dedupe.KEEP, [0, 1, 2, 3]),
    ],
)
def test_the_chosen_one_of_a_name_stays_in_its_own_place(dedupe: Dedupe, staying: list[int]) -> None:
    assert stays([0.5, 0.9, -2.0], dedupe) == staying


def test_the_first_of_equal_weights_stays() -> None:
    assert stays([0.5, 0.9, 0.9], Dedupe.HIGHEST_WEIGHT) == [1, 2]


def test_the_weight_asked_for_decides_which_one_stays() -> None:
    strong, weak = Member(a_lora(weight=2.0), 0.1), Member(a_lora(weight=1.0), 0.2)
    assert deduplicate([strong, weak], Dedupe.HIGHEST_WEIGHT)[0] == [weak]


def test_each_dropped_member_is_named_in_a_warning() -> None:
    first, second, third = (a_lora(version=version, weight=1.0) for version in (None, "v1", "v2"))
    _, warnings = deduplicate([Member(first), Member(second), Member(third)], Dedupe.LAST)
    assert [(warning.code, warning.lora_id) for warning in warnings] == [
        (WarningCode.DUPLICATE_DROPPED, first.id),
        (WarningCode.DUPLICATE_DROPPED, second.id),
    ]
    assert "the one without a version at weight 1 is left out, version 'v2' at weight 1 stays" in warnings[0].message


def test_a_repeated_name_that_is_kept_is_warned_of_once_for_each_repetition() -> None:
    first, second = a_lora(), a_lora(version="v1")
    _, warnings = deduplicate([Member(first), Member(a_lora("other")), Member(second)], Dedupe.KEEP)
    assert [(warning.code, warning.lora_id) for warning in warnings] == [(WarningCode.NAME_REPEATED, second.id)]


@given(strategies.registries(), st.sampled_from(Dedupe))
def test_what_stays_is_a_subsequence_with_every_name(loras: list[Lora], dedupe: Dedupe) -> None:
    members = active_members(loras)
    staying, warnings = deduplicate(members, dedupe)
    rest = iter(members)
    assert all(member in rest for member in staying)
    assert {member.lora.name for member in staying} == {member.lora.name for member in members}
    assert len(warnings) == len(members) - len({member.lora.name for member in members})


@given(strategies.registries(), st.sampled_from(Dedupe))
def test_deduplicating_again_changes_nothing(loras: list[Lora], dedupe: Dedupe) -> None:
    staying, _ = deduplicate(active_members(loras), dedupe)
    assert deduplicate(staying, dedupe)[0] == staying
