"""Where requests are counted."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from lora_manager.adapters.limits.memory import MemoryRateLimiter
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.rate_limiter import RateLimiter
from lora_manager.settings import Settings, mask_url


@asynccontextmanager
async def open_rate_limiter(settings: Settings) -> AsyncIterator[RateLimiter | None]:
    """Counts on the Redis that wakes workers, where there is one; else each process counts by itself.

    :return: None where nobody is limited
    :raises InvalidInput: Redis needs a package that is not there
    """
    rate, url = settings.access.rate_limit, settings.queue_url
    if rate is None:
        yield None
        return
    if url is None or not url.startswith(("redis://", "rediss://")):
        yield MemoryRateLimiter(rate.count, rate.seconds)
        return
    try:
        from lora_manager.adapters.limits.redis import RedisRateLimiter
    except ImportError as error:
        raise InvalidInput("RATE_LIMIT with Redis needs more: pip install 'lora-manager[server,redis]'") from error
    async with aclosing(RedisRateLimiter(url, mask_url(url), rate.count, rate.seconds)) as limiter:
        yield limiter
