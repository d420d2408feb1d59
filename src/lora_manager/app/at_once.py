"""Working through many things, several at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


async def at_once(limit: int, items: Sequence[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Do the work for each item, in their order, with up to ``limit`` under way together.

    What the work raises ends all of it, is raised here, and leaves nothing running; so does a cancellation.
    """

    async def go_on(waiting: Iterator[T]) -> None:
        for item in waiting:
            await work(item)

    waiting = iter(items)
    tasks = [asyncio.create_task(go_on(waiting)) for _ in items[:limit]]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
