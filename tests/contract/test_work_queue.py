"""What every work queue promises: in one process, over Redis and over PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from lora_manager.adapters.queues.in_process import InProcessQueue
from lora_manager.adapters.queues.saq import SaqQueue, open_saq_queue
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.ids import uuid7
from lora_manager.ports.work_queue import WorkQueue
from tests.contract.redis_server import RedisServer, redis_server_in
from tests.contract.stores import NewUrl

DELIVERY = uuid7(1, 1)
PATIENCE_S = 20.0  # how long a test waits for what has to come

Connect = Callable[[], Awaitable[WorkQueue]]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server_in(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["in process", "redis", "postgresql"])
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes ends of one queue, as several processes would have them; in one process there is but one end."""
    async with AsyncExitStack() as stack:
        if request.param == "in process":
            only = InProcessQueue()
        elif request.param == "redis":
            server: RedisServer = request.getfixturevalue("redis_server")
            server.flush()
            url = server.url
        else:
            new_url: NewUrl = request.getfixturevalue("new_url")
            url = new_url("postgresql", migrated=False)

        async def make() -> WorkQueue:
            return only if request.param == "in process" else await stack.enter_async_context(open_saq_queue(url, "it"))

        yield make


@asynccontextmanager
async def counting(queue: WorkQueue) -> AsyncIterator[asyncio.Semaphore]:
    """Listens; the semaphore is released once for each wake-up."""
    woken = asyncio.Semaphore(0)

    async def on_wake() -> None:
        woken.release()

    async with queue.listen(on_wake):
        yield woken


async def one(woken: asyncio.Semaphore) -> None:
    await asyncio.wait_for(woken.acquire(), PATIENCE_S)


async def until(is_so: Callable[[], bool], queue: WorkQueue) -> None:
    """Wake until it shows: a broker may lose a wake-up."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await queue.wake(DELIVERY)
            await asyncio.sleep(0.05)  # the broker is another process: nothing tells when it has passed it on


async def test_a_wake_up_reaches_a_listener(connect: Connect) -> None:
    queue = await connect()
    async with counting(queue) as woken:
        await queue.wake(DELIVERY)
        await one(woken)


async def test_a_wake_up_from_before_is_there_when_somebody_listens(connect: Connect) -> None:
    await (await connect()).wake(DELIVERY)
    async with counting(await connect()) as woken:
        await one(woken)


async def test_the_same_delivery_can_be_woken_again_and_again(connect: Connect) -> None:
    queue = await connect()
    async with counting(queue) as woken:
        for _ in range(3):
            await queue.wake(DELIVERY)
            await one(woken)


async def test_while_one_listener_is_busy_another_gets_the_wake_ups(connect: Connect) -> None:
    sender, busy, idle = await connect(), await connect(), await connect()
    if busy is idle:
        return  # one process has one worker
    taken, free = asyncio.Event(), asyncio.Event()

    async def block() -> None:
        taken.set()
        await free.wait()

    async with busy.listen(block):
        await until(taken.is_set, sender)
        async with counting(idle) as woken:
            for _ in range(3):
                await until(lambda: not woken.locked(), sender)
                await one(woken)
        free.set()


async def test_a_listener_that_stops_lets_go_at_once_though_it_is_busy(connect: Connect) -> None:
    queue = await connect()
    taken = asyncio.Event()

    async def block() -> None:
        taken.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE_S), queue.listen(block):
        await queue.wake(DELIVERY)
        await taken.wait()


async def test_a_wake_up_that_the_broker_could_not_take_comes_when_it_is_back(tmp_path: Path) -> None:
    with redis_server_in(tmp_path) as server:
        async with open_saq_queue(server.url, "the broker") as queue:
            await queue.check()
            server.stop()
            await queue.wake(DELIVERY)
            with pytest.raises(Unavailable):
                await queue.check()
            server.start()
            async with counting(queue) as woken:
                await one(woken)


async def test_a_broker_that_is_away_delays_and_loses_nothing_that_comes_after(tmp_path: Path) -> None:
    with redis_server_in(tmp_path) as server:
        async with open_saq_queue(server.url, "the broker") as queue, counting(queue) as woken:
            await queue.wake(DELIVERY)
            await one(woken)
            server.stop()
            await queue.wake(DELIVERY)  # neither raises nor hangs
            with pytest.raises(Unavailable, match=r"the broker.*QUEUE_URL"):
                await queue.check()
            server.start()
            await until(lambda: not woken.locked(), queue)
            await queue.check()


async def test_a_broker_that_forgets_everything_wakes_again_afterwards(redis_server: RedisServer) -> None:
    async with open_saq_queue(redis_server.url, "it") as queue, counting(queue) as woken:
        for _ in range(2):
            await queue.wake(DELIVERY)
            await one(woken)
            redis_server.flush()


async def test_messages_name_the_place_and_not_the_password() -> None:
    async with open_saq_queue("redis://user:hunter2@127.0.0.1:1/0", "redis://user:***@127.0.0.1:1/0") as queue:
        assert isinstance(queue, SaqQueue)
        with pytest.raises(Unavailable) as caught:
            await queue.check()
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
