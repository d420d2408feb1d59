"""How a weight is written into a prompt, and read back."""

from collections.abc import Iterable

from lora_manager.domain.fields import MAX_WEIGHT

_KEPT = 4096


class _Written(dict[float, str]):
    """Weights and how they are written; what is missing is worked out, and kept for the next time."""

    def __missing__(self, value: float) -> str:
        if len(self) >= _KEPT:
            self.clear()
        text = self[value] = f"{value:z.3f}".rstrip("0").rstrip(".")
        return text


WRITTEN = _Written()
"""What :func:`format_weight` gives, for loops over thousands: weights repeat, and this spares the call for each."""


def format_weight(value: float) -> str:
    """The weight with at most 3 decimals: no trailing zeros, no exponent, a point, never ``-0``.

    It is rounded to the nearest, halves to the even digit. What counts is the float, which is seldom the very half it
    was written as: 0.0005 is a little more and gives 0.001.

    :param value: finite

    >>> [format_weight(value) for value in (0.75, 1.0, -0.5, 0.12345, 0.0625, -0.0001)]
    ['0.75', '1', '-0.5', '0.123', '0.062', '0']
    """
    return WRITTEN[value]


def read_weight(text: str) -> float | None:
    """The weight a text gives, as Python's ``float`` reads it; None if that is no number in -100..100.

    >>> [read_weight(text) for text in (".5", " 1e-1 ", "0,8", "inf", "-0")]
    [0.5, 0.1, None, None, 0.0]
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value + 0.0 if -MAX_WEIGHT <= value <= MAX_WEIGHT else None  # nan fails both; -0.0 + 0.0 is 0.0


def read_weights(texts: Iterable[str]) -> list[float] | None:
    """The weights the texts give, or None if one of them gives none."""
    weights = []
    for text in texts:
        weight = read_weight(text)
        if weight is None:
            return None
        weights.append(weight)
    return weights
