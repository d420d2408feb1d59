"""Long lists of values, as a statement can take them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from lora_manager.domain.text import UNSTORABLE

ItemT = TypeVar("ItemT")

# Far below what a statement takes: 32,766 parameters in SQLite, 32,767 through asyncpg, and a path needs two.
# Sources: https://sqlite.org/limits.html; the PostgreSQL manual, "Message Formats" (Bind counts them in 16 bits).
MAX_IN = 2_000


def chunked(items: Sequence[ItemT]) -> Iterator[Sequence[ItemT]]:
    """The items in their order, so many at a time that a statement takes them."""
    for start in range(0, len(items), MAX_IN):
        yield items[start : start + MAX_IN]


def storable(texts: Iterable[str]) -> list[str]:
    """The texts that a database can hold; nothing is registered under the others (NUL, unpaired surrogates)."""
    return [text for text in texts if not UNSTORABLE.search(text)]
