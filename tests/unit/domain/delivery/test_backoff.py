"""The wait before another attempt."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.delivery.backoff import CAP, backoff


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_wait_lies_between_nothing_and_the_cap(failures: int, chance: float) -> None:
    assert timedelta() <= backoff(failures, chance) <= CAP


@given(st.integers(1, 10_000))
def test_the_longest_wait_doubles_until_the_cap(failures: int) -> None:
    assert backoff(failures + 1, 1) == min(backoff(failures, 1) * 2, CAP)


def test_the_longest_first_wait_is_two_seconds() -> None:
    assert backoff(1, 1) == timedelta(seconds=2)


@given(st.integers(1, 100), st.floats(0, 1))
def test_chance_takes_its_full_share(failures: int, chance: float) -> None:
    assert backoff(failures, chance) == backoff(failures, 1) * chance
