"""How often one may ask."""

from abc import abstractmethod
from typing import Protocol


class RateLimiter(Protocol):
    """Counts what each caller asks, and says when it is too much."""

    @abstractmethod
    async def take(self, caller_id: str) -> float:
        """Count one request.

        Where others share the count and cannot be reached, it MUST count by itself instead of raising.

        :param caller_id: tells callers apart
        :return: 0 where it is allowed, else the seconds until the next one will be; then it did not count
        """
