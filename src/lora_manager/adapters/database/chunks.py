"""Long lists in pieces that a statement can take."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

ItemT = TypeVar("ItemT")

# SQLite takes 32,766 parameters in a statement, PostgreSQL 32,767. Sources: https://sqlite.org/limits.html; the
# PostgreSQL protocol counts them in 16 bits.
MAX_IN = 10_000


def chunked(items: Sequence[ItemT], size: int = MAX_IN) -> Iterator[Sequence[ItemT]]:
    """The items in their order, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
