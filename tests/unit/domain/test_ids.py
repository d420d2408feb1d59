"""UUIDs of version 7 as RFC 9562 lays them out."""

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.ids import uuid7

TIMES = st.integers(0, 2**48 - 1)
RANDOMS = st.integers(0, 2**74 - 1)


def test_the_example_of_the_rfc_is_reproduced() -> None:
    # RFC 9562, appendix A.6: 2022-02-22T19:22:22Z, rand_a, rand_b
    made = uuid7(0x017F22E279B0, 0xCC3 << 62 | 0x18C4DC0C0C07398F)
    assert made == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


@given(TIMES, RANDOMS)
def test_time_version_variant_and_random_bits_stand_where_the_rfc_puts_them(unix_ms: int, random: int) -> None:
    made = uuid7(unix_ms, random)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == unix_ms
    assert (made.int >> 64 & 0xFFF) << 62 | made.int & (1 << 62) - 1 == random


@given(st.tuples(TIMES, RANDOMS), st.tuples(TIMES, RANDOMS))
def test_ids_sort_by_time_then_by_the_random_bits(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (uuid7(*one) < uuid7(*other)) == (one < other)
    assert (uuid7(*one).hex < uuid7(*other).hex) == (one < other)


@pytest.mark.parametrize(
    ("unix_ms", "random", "expected"),
    [
        (0, 0, "00000000-0000-7000-8000-000000000000"),
        (2**48 - 1, 2**74 - 1, "ffffffff-ffff-7fff-bfff-ffffffffffff"),
    ],
)
def test_the_ends_of_both_ranges_are_taken(unix_ms: int, random: int, expected: str) -> None:
    assert str(uuid7(unix_ms, random)) == expected


@pytest.mark.parametrize(("unix_ms", "random"), [(-1, 0), (2**48, 0), (0, -1), (0, 2**74)])
def test_a_number_out_of_range_is_refused(unix_ms: int, random: int) -> None:
    with pytest.raises(ValueError, match=f"unix_ms={unix_ms}, random={random}"):
        uuid7(unix_ms, random)
