"""How often one may ask, counted on Redis by all processes together."""

import asyncio
import logging
import time
from collections.abc import Callable

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from lora_manager.adapters.limits.memory import MemoryRateLimiter
from lora_manager.ports.rate_limiter import RateLimiter

PREFIX = "lora-manager-rate"
PATIENCE_S = 0.25
_PAUSE_S = 1.0  # before Redis is asked again after it failed
_CONNECTIONS = 16  # whoever finds them all busy waits: what is asked of Redis takes it microseconds
_MARGIN_S = 0.001  # a request counts up to and with the last moment of its window

_logger = logging.getLogger(__name__)


class RedisRateLimiter(RateLimiter):
    """Allows no more than the count in any stretch of time, whichever process is asked; all need the same time of day.

    Redis keeps the times of the requests that count, at most as many as are allowed, and forgets a caller once none
    counts any more. The counter in windows that ``limits`` has too would need two numbers instead, but only estimates:
    it allows up to twice the count where windows meet, and cannot tell when the next request will be allowed.

    :param url: ``redis://...`` or ``rediss://...``; nothing is connected before the first request
    :param place: the same without secrets, for messages
    :param count: how many requests are allowed, 1 or more
    :param seconds: in any stretch of this length, 1 or more
    :param prefix: of the keys; those with the same one count together
    :param patience_s: how long a request waits for Redis before it is counted here
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        url: str,
        place: str,
        count: int,
        seconds: int,
        *,
        prefix: str = PREFIX,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._pool = BlockingConnectionPool.from_url(
            url, max_connections=_CONNECTIONS, timeout=patience_s, retry=Retry(NoBackoff(), 0)
        )
        self._rate = RateLimitItemPerSecond(count, seconds)
        self._window = MovingWindowRateLimiter(
            RedisStorage(
                "redis://",  # the pool knows where
                implementation="redispy",
                key_prefix=prefix,
                connection_pool=self._pool,  # type: ignore[arg-type]  # limits documents it, and types it otherwise
            )
        )
        self._alone = MemoryRateLimiter(count, seconds, clock=clock)
        self._patience_s = patience_s
        self._clock = clock
        self._is_away = False
        self._next_try_at = 0.0

    async def take(self, caller_id: str) -> float:
        if self._is_away and not self._may_try():
            return await self._alone.take(caller_id)
        try:
            async with asyncio.timeout(self._patience_s):
                wait_s = await self._ask(caller_id)
        except Exception as error:  # noqa: BLE001  # whatever Redis does, requests are counted and answered
            self._went_away(error)
            return await self._alone.take(caller_id)
        self._came_back()
        return wait_s

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()

    async def _ask(self, caller_id: str) -> float:
        if await self._window.hit(self._rate, caller_id):
            return 0.0
        window = await self._window.get_window_stats(self._rate, caller_id)
        wait_s = 0.0 if window.remaining else max(window.reset_time - time.time(), 0.0)
        return wait_s + _MARGIN_S

    def _may_try(self) -> bool:
        """While Redis is away, one request now and then may find out whether it is back; the others do not wait."""
        now = self._clock()
        if now < self._next_try_at:
            return False
        self._next_try_at = now + _PAUSE_S
        return True

    def _went_away(self, error: Exception) -> None:
        self._next_try_at = self._clock() + _PAUSE_S
        if not self._is_away:
            _logger.warning(
                "Redis at %s does not answer (%s: %s); each process counts requests by itself until it does",
                self._place,
                type(error).__name__,
                error,
            )
        self._is_away = True

    def _came_back(self) -> None:
        if self._is_away:
            _logger.info("Redis at %s answers; requests are counted there again", self._place)
        self._is_away = False
