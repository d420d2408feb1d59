"""Work that may wait for a disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def apart(work: Callable[[], T]) -> T:
    """Have a thread do it that nobody waits for at the end: a network mount that is lost holds its readers for hours.

    Cancelled, it leaves the thread behind.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:  # noqa: BLE001  # it is raised where it is awaited
            future.set_exception(error)

    Thread(target=run, name="check", daemon=True).start()
    return await asyncio.wrap_future(future)
