"""Wake-ups within one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from lora_manager.ports.work_queue import OnWake, WorkQueue


class InProcessQueue(WorkQueue):
    """Wakes a worker of the same process; several wake-ups while it is busy are one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    async def wake(self, delivery_id: UUID) -> None:
        self._woken.set()

    @asynccontextmanager
    async def listen(self, on_wake: OnWake) -> AsyncIterator[None]:
        async def pass_on() -> None:
            while True:
                await self._woken.wait()
                self._woken.clear()
                await on_wake()

        task = asyncio.create_task(pass_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
