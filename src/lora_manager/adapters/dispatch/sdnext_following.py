"""Following a server with A1111's API while it works, and stopping it.

It has no way to stop a task by its id, only to stop what runs; what waits cannot be taken back. So it is stopped only
where what runs is ours. A1111 and Forge say so when asked for the task by the id it was sent with (``force_task_id``).
SD.Next, and A1111 without its web page, know no such id; there what runs is ours if the server was idle when it was
sent, because it does one job at a time.
Source: AUTOMATIC1111/stable-diffusion-webui modules/progress.py, modules/call_queue.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lora_manager.adapters.dispatch.sdnext_runtime import Runtime
from lora_manager.adapters.dispatch.sdnext_wire import Seen, TaskState
from lora_manager.domain.delivery import DispatchFailed, Progress
from lora_manager.ports.dispatcher import Report

_STOPPING_S = 5.0  # seconds that a cancelled attempt may still take


async def look(runtime: Runtime) -> Seen | None:
    """What the server is doing; None where it does not say."""
    try:
        return await runtime.look()
    except DispatchFailed:
        return None  # progress is a courtesy: what becomes of the delivery is for the answer to txt2img to say


@asynccontextmanager
async def following(runtime: Runtime, before: Seen | None, report: Report, every_s: float) -> AsyncIterator[None]:
    """Report how far the server is, as long as the block lasts.

    :param before: what it was doing before it was sent anything
    """
    follower = asyncio.create_task(_follow(runtime, before, report, every_s))
    try:
        yield
    finally:
        follower.cancel()
        await asyncio.wait([follower])
    if not follower.cancelled():
        follower.result()


async def _follow(runtime: Runtime, before: Seen | None, report: Report, every_s: float) -> None:
    others = before.job if before else None
    told: Progress | None = None
    while True:
        seen = await look(runtime)
        if seen is not None and seen.job is not None:
            progress = Progress(None, "waiting for another job to end") if seen.job == others else seen.told()
            if progress != told:
                report(progress)
                told = progress
        await asyncio.sleep(every_s)


async def stop(runtime: Runtime, task_id: str, before: Seen | None) -> None:
    """Stop our task where it is seen to be the one that runs; soon, or not at all."""
    try:
        async with asyncio.timeout(_STOPPING_S):
            task = await _task(runtime, task_id)
            is_known = task.active or task.queued or task.completed
            was_idle = before is not None and before.job is None
            if task.active or (was_idle and not is_known):
                await runtime.interrupt()
    except (DispatchFailed, TimeoutError):
        return  # it goes on with work that nobody waits for; there is nobody to tell and nothing more to try


async def _task(runtime: Runtime, task_id: str) -> TaskState:
    try:
        return await runtime.task(task_id)
    except DispatchFailed:
        return TaskState()  # A1111 without its web page does not have this call
