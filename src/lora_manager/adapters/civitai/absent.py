"""Remembering what was not found."""

from collections import OrderedDict
from collections.abc import Callable

_FORGOTTEN_AFTER_S = 3600.0  # Source: the s-maxage of CivitAI's answers by hash; until then it would answer the same
_MOST = 10_000


class AbsentHashes:
    """Hashes that nobody has published, each for an hour; of more than 10,000 those noted longest ago are forgotten.

    :param clock: monotonic seconds
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, value: str) -> bool:
        return self._clock() < self._until.get(value, float("-inf"))

    def add(self, value: str) -> None:
        """This hash was not found just now."""
        self._until[value] = self._clock() + _FORGOTTEN_AFTER_S
        self._until.move_to_end(value)
        if len(self._until) > _MOST:
            self._until.popitem(last=False)
