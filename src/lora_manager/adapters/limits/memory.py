"""How often one may ask, counted in this process.

The library ``limits``, which counts on Redis, can count in memory too. But there it looks at every caller, each in a
thread of its own, whenever one of them asks; here a request costs the same however many callers there are.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from lora_manager.ports.rate_limiter import RateLimiter

_MOST_CALLERS = 10_000  # remembered at once: about 10 MB, and 32 bytes more for each request that still counts


class MemoryRateLimiter(RateLimiter):
    """Remembers when each caller's requests were, and so allows no more than the count in any stretch of time.

    Who has not asked for that long is forgotten. Beyond the most callers, so is whoever has not asked for the longest.

    :param count: how many requests are allowed, 1 or more
    :param seconds: in any stretch of this length
    :param clock: monotonic seconds
    :param most_callers: 1 or more
    """

    def __init__(
        self,
        count: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_callers: int = _MOST_CALLERS,
    ) -> None:
        self._count = count
        self._seconds = seconds
        self._clock = clock
        self._most_callers = most_callers
        self._ends: OrderedDict[str, deque[float]] = OrderedDict()  # when each request ceases to count, oldest first

    def __len__(self) -> int:
        """How many callers it remembers."""
        return len(self._ends)

    async def take(self, caller_id: str) -> float:
        now = self._clock()
        ends = self._ends.setdefault(caller_id, deque())
        self._ends.move_to_end(caller_id)
        while ends and ends[0] <= now:
            ends.popleft()
        if len(ends) >= self._count:
            return ends[0] - now
        ends.append(now + self._seconds)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Forget whoever has nothing left that counts, or is one too many, from whoever asked first on."""
        while True:
            ends = next(iter(self._ends.values()))
            if ends[-1] > now and len(self._ends) <= self._most_callers:
                return
            self._ends.popitem(last=False)
