"""What a process does besides, for as long as it runs."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol


class Chore(Protocol):
    """Goes on until it is told to stop; whatever goes wrong in the world, it goes on."""

    @abstractmethod
    async def run(self, stop: asyncio.Event) -> None:
        """Return soon after ``stop`` is set, with what was under way finished."""


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until ``stop`` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


@asynccontextmanager
async def doing(chores: Sequence[Chore]) -> AsyncIterator[None]:
    """The chores are done for as long as the block lasts."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(chore.run(stop)) for chore in chores]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)
