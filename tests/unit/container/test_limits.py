"""Where requests are counted, as the settings say."""

import sys

import pytest

from lora_manager.adapters.limits.memory import MemoryRateLimiter
from lora_manager.adapters.limits.redis import RedisRateLimiter
from lora_manager.container.limits import open_rate_limiter
from lora_manager.domain.errors import InvalidInput
from lora_manager.settings import load_settings


async def test_without_a_rate_nobody_is_limited() -> None:
    async with open_rate_limiter(load_settings({"QUEUE_URL": "redis://127.0.0.1:1/0"})) as limiter:
        assert limiter is None


@pytest.mark.parametrize("queue", [{}, {"QUEUE_URL": "postgresql://u:p@127.0.0.1:1/d"}], ids=["none", "postgresql"])
async def test_without_redis_requests_are_counted_in_this_process(queue: dict[str, str]) -> None:
    async with open_rate_limiter(load_settings({"RATE_LIMIT": "2/minute", **queue})) as limiter:
        assert isinstance(limiter, MemoryRateLimiter)
        assert [await limiter.take("ann") > 0 for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("name", ["QUEUE_URL", "REDIS_URL"])
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
async def test_requests_are_counted_on_the_redis_that_wakes_workers(name: str, scheme: str) -> None:
    settings = load_settings({"RATE_LIMIT": "2/minute", name: f"{scheme}://127.0.0.1:1/0"})
    async with open_rate_limiter(settings) as limiter:
        assert isinstance(limiter, RedisRateLimiter)
        assert [await limiter.take("ann") > 0 for _ in range(3)] == [False, False, True]


async def test_what_redis_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lora_manager.adapters.limits.redis", None)  # as if it could not be imported
    settings = load_settings({"RATE_LIMIT": "2/minute", "QUEUE_URL": "redis://127.0.0.1:1/0"})
    with pytest.raises(InvalidInput, match=r"lora-manager\[server,redis\]"):
        async with open_rate_limiter(settings):
            pass
