import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.prompt import format_weight
from lora_manager.domain.prompt.weights import read_weight
from lora_manager.testing import strategies


@pytest.mark.parametrize(
    ("weight", "written"),
    [
        (0.75, "0.75"),
        (1.0, "1"),
        (-0.5, "-0.5"),
        (0.0, "0"),
        (-0.0, "0"),
        (-0.0004, "0"),
        (0.0004999, "0"),
        (0.0005, "0.001"),
        (0.0625, "0.062"),
        (0.1875, "0.188"),
        (0.9999, "1"),
        (1e-300, "0"),
        (10.0, "10"),
        (100.0, "100"),
        (-99.9996, "-100"),
    ],
)
def test_weight_is_written_with_at_most_three_decimals_and_no_trailing_zeros(weight: float, written: str) -> None:
    assert format_weight(weight) == written


@given(strategies.weights())
def test_written_weight_is_plain_decimal_and_no_further_off_than_rounding(weight: float) -> None:
    written = format_weight(weight)
    assert re.fullmatch(r"-?\d+(\.\d{1,3})?", written)
    assert not re.fullmatch(r"-0(\.0*)?|.*\.\d*0", written)
    assert abs(float(written) - weight) <= 0.0005 + 1e-12


@given(strategies.weights())
def test_weight_read_back_is_written_the_same_again(weight: float) -> None:
    written = format_weight(weight)
    read = read_weight(written)
    assert read is not None
    assert format_weight(read) == written


@given(strategies.written_weights())
def test_weight_of_three_decimals_is_read_back_exactly(weight: float) -> None:
    assert read_weight(format_weight(weight)) == weight


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_written_without_exponent(weight: float) -> None:
    assert re.fullmatch(r"-?\d+(\.\d{1,3})?", format_weight(weight))


@pytest.mark.parametrize(
    "text", ["", " ", "0,8", "strong", "0.5.5", "inf", "-inf", "nan", "1e400", "100.001", "\ud800", "\x00"]
)
def test_text_that_is_no_weight_is_not_read_as_one(text: str) -> None:
    assert read_weight(text) is None


@pytest.mark.parametrize(
    ("text", "weight"), [(".5", 0.5), (" 0.8 ", 0.8), ("1e-1", 0.1), ("-0.25", -0.25), ("+1", 1.0), ("-0", 0.0)]
)
def test_weight_is_read_as_the_runtimes_read_it(text: str, weight: float) -> None:
    assert read_weight(text) == weight
