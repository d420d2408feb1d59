"""What every rate limiter promises: in memory, and over Redis."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import limits.aio.storage.redis.redispy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

import lora_manager.adapters.limits.redis
from lora_manager.adapters.limits.memory import MemoryRateLimiter
from lora_manager.adapters.limits.redis import RedisRateLimiter
from lora_manager.ports.rate_limiter import RateLimiter
from tests.contract.redis_server import RedisServer, redis_server_in

SECONDS = 60
PATIENCE_S = 20.0  # of tests that are about a Redis that answers
LOGGER = "lora_manager.adapters.limits.redis"

Make = Callable[[int], RateLimiter]


class Now:
    """The time, monotonic and of day, as a module ``time`` would tell it."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def time(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def connect(
    redis_server: RedisServer, now: Now, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., RedisRateLimiter]]:
    """Makes limiters over one Redis, as several processes would have them, in a time of the tests' own."""
    redis_server.flush()
    for module in (limits.aio.storage.redis.redispy, lora_manager.adapters.limits.redis):
        monkeypatch.setattr(module, "time", now)
    async with AsyncExitStack() as stack:

        def connect(count: int, prefix: str = "it") -> RedisRateLimiter:
            limiter = RedisRateLimiter(
                redis_server.url, "it", count, SECONDS, prefix=prefix, patience_s=PATIENCE_S, clock=now.time
            )
            stack.push_async_callback(limiter.aclose)
            return limiter

        yield connect


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, now: Now) -> Make:
    """Makes a limiter of a count in a minute."""
    if request.param == "memory":
        return lambda count: MemoryRateLimiter(count, SECONDS, clock=now.time)
    over_redis: Make = request.getfixturevalue("connect")
    return over_redis


async def allowed(limiter: RateLimiter, times: int, caller_id: str = "ann") -> int:
    """How many are allowed of those that are asked at once."""
    waits = await asyncio.gather(*(limiter.take(caller_id) for _ in range(times)))
    return waits.count(0.0)


def nobody() -> socket.socket:
    """Takes connections and never answers."""
    return socket.create_server(("127.0.0.1", 0))


def url_of(server: socket.socket) -> str:
    return f"redis://:hunter2@127.0.0.1:{server.getsockname()[1]}/0"


async def test_of_forty_requests_at_once_exactly_ten_are_allowed(make: Make) -> None:
    assert await allowed(make(10), 40) == 10


async def test_who_waits_as_long_as_told_is_allowed_and_who_does_not_is_not(make: Make, now: Now) -> None:
    limiter = make(2)
    await limiter.take("ann")
    now.seconds += 20
    await limiter.take("ann")
    wait_s = await limiter.take("ann")
    assert wait_s == pytest.approx(40, abs=0.01)
    now.seconds += wait_s - 0.01
    assert 0 < await limiter.take("ann") < 0.02
    now.seconds += 0.01
    assert await limiter.take("ann") == 0
    assert await limiter.take("ann") == pytest.approx(20, abs=0.01)


async def test_there_is_no_moment_when_twice_the_count_is_allowed(make: Make, now: Now) -> None:
    limiter = make(10)
    now.seconds += 59
    assert await allowed(limiter, 10) == 10
    now.seconds += 2  # where a fixed window would end
    assert await allowed(limiter, 10) == 0


async def test_what_was_refused_does_not_count(make: Make, now: Now) -> None:
    limiter = make(1)
    await limiter.take("ann")
    now.seconds += 59
    assert await allowed(limiter, 5) == 0
    now.seconds += 1.5
    assert await limiter.take("ann") == 0


async def test_each_caller_has_a_count_of_its_own(make: Make) -> None:
    limiter = make(1)
    for caller_id in ("ann", "bob", "ann/1", "2001:db8::1", "анна"):
        assert await allowed(limiter, 2, caller_id) == 1


async def test_the_full_count_is_there_again_after_the_whole_time(make: Make, now: Now) -> None:
    limiter = make(5)
    for _ in range(3):
        assert await allowed(limiter, 7) == 5
        now.seconds += 60.5


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=30))
async def test_no_stretch_of_time_has_more_than_the_count(asked: list[tuple[int, int]]) -> None:
    now = Now()
    limiter = MemoryRateLimiter(3, SECONDS, clock=now.time)
    moments: list[float] = []
    for pause, times in asked:
        now.seconds += pause
        moments += [now.seconds] * await allowed(limiter, times)
        assert sum(moment > now.seconds - SECONDS for moment in moments) <= 3
        is_full = sum(moment > now.seconds - SECONDS for moment in moments) == 3
        assert is_full or times < 3  # nobody was refused for nothing


async def test_in_memory_who_stays_away_is_forgotten(now: Now) -> None:
    limiter = MemoryRateLimiter(2, SECONDS, clock=now.time)
    for number in range(100):
        await limiter.take(f"caller {number}")
    now.seconds += 59
    await limiter.take("caller 0")
    assert len(limiter) == 100
    now.seconds += 1
    await limiter.take("caller 0")
    assert len(limiter) == 1


async def test_in_memory_there_is_room_for_so_many_callers_and_no_more(now: Now) -> None:
    limiter = MemoryRateLimiter(1, SECONDS, clock=now.time, most_callers=3)
    for caller_id in ("ann", "bob", "cid", "ann", "dan"):  # bob has not asked for the longest
        await limiter.take(caller_id)
    assert len(limiter) == 3
    assert [await allowed(limiter, 1, caller_id) for caller_id in ("ann", "cid", "dan", "bob")] == [0, 0, 0, 1]


async def test_over_redis_all_processes_count_together(connect: Callable[..., RedisRateLimiter]) -> None:
    one, other = connect(10), connect(10)
    assert sum(await asyncio.gather(allowed(one, 20), allowed(other, 20))) == 10


async def test_over_redis_what_has_another_prefix_counts_apart(connect: Callable[..., RedisRateLimiter]) -> None:
    assert await allowed(connect(1, prefix="here"), 2) == 1
    assert await allowed(connect(1, prefix="there"), 2) == 1


async def test_redis_forgets_by_itself_who_stays_away(redis_server: RedisServer) -> None:
    redis_server.flush()
    async with aclosing(
        RedisRateLimiter(redis_server.url, "it", 1, SECONDS, prefix="here", patience_s=PATIENCE_S)
    ) as limiter:
        await limiter.take("ann")
    with Redis.from_url(redis_server.url) as client:
        (key,) = client.scan_iter("here:*")
        assert 0 < client.ttl(key) <= SECONDS


async def test_nothing_is_connected_before_the_first_request() -> None:
    with nobody() as server:
        server.setblocking(False)
        async with aclosing(RedisRateLimiter(url_of(server), "it", 1, SECONDS)) as limiter:
            await asyncio.sleep(0)
            with pytest.raises(BlockingIOError):
                server.accept()
            await limiter.take("ann")
            server.accept()[0].close()


@pytest.mark.parametrize("is_slow", [True, False], ids=["slow", "away"])
async def test_without_redis_it_counts_by_itself_and_says_so_once(
    caplog: pytest.LogCaptureFixture, *, is_slow: bool
) -> None:
    with nobody() as server:
        url = url_of(server)
        if not is_slow:
            server.close()
        async with aclosing(RedisRateLimiter(url, "the place", 10, SECONDS)) as limiter:
            assert await allowed(limiter, 20) == 10
            assert await allowed(limiter, 20) == 0
    (record,) = (record for record in caplog.records if record.name == LOGGER)
    assert record.levelno == logging.WARNING
    assert "the place" in record.getMessage()
    assert "hunter2" not in record.getMessage()


async def test_it_goes_back_to_redis_when_that_answers_again(
    tmp_path: Path, now: Now, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    with redis_server_in(tmp_path) as server:
        first, second = (
            RedisRateLimiter(server.url, "it", 2, SECONDS, patience_s=PATIENCE_S, clock=now.time) for _ in range(2)
        )
        async with aclosing(first), aclosing(second):
            assert await first.take("ann") == 0
            server.stop()
            assert [await allowed(limiter, 3) for limiter in (first, second)] == [2, 2]
            server.start()  # what it held is gone
            assert [await allowed(limiter, 3) for limiter in (first, second)] == [0, 0]
            now.seconds += 2
            assert sum([await allowed(limiter, 1) for limiter in (first, second, first, second)]) == 2
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2 + [logging.INFO] * 2


async def test_while_redis_is_away_only_one_request_at_a_time_finds_out_whether_it_is_back(now: Now) -> None:
    with nobody() as server:
        server.setblocking(False)
        async with aclosing(RedisRateLimiter(url_of(server), "it", 99, SECONDS, clock=now.time)) as limiter:
            await limiter.take("ann")
            server.accept()[0].close()
            now.seconds += 2
            assert await allowed(limiter, 20) == 20
            server.accept()[0].close()
            with pytest.raises(BlockingIOError):
                server.accept()


async def test_more_requests_at_once_than_connections_are_all_counted_there(
    connect: Callable[..., RedisRateLimiter], caplog: pytest.LogCaptureFixture
) -> None:
    assert await allowed(connect(100), 200) == 100
    assert caplog.records == []
