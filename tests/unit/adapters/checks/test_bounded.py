"""No check raises, waits for ever, or repeats what may be secret."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from threading import Event

import pytest

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.domain.errors import InvalidInput, Unavailable
from lora_manager.ports.diagnosis import Diagnosis, Health


class Looking(BoundedCheck):
    """Does what it is told to."""

    def __init__(self, work: Callable[[], Awaitable[object]], patience_s: float = PATIENCE_S) -> None:
        super().__init__("the thing", way_out="turn it on", patience_s=patience_s)
        self._work = work

    async def _look(self) -> Sequence[Diagnosis]:
        await self._work()
        return [self.good("is well")]


def test_patience_ends_within_what_the_port_allows() -> None:
    assert PATIENCE_S < 15


async def test_what_is_well_is_told_as_it_was_found() -> None:
    assert await Looking(lambda: asyncio.sleep(0)).look() == [Diagnosis("the thing", Health.GOOD, "is well")]


async def test_what_never_answers_is_given_up() -> None:
    [told] = await Looking(asyncio.Event().wait, 0.01).look()
    assert told == Diagnosis("the thing", Health.BAD, "does not answer within 0.01 s", "turn it on")


async def test_a_disk_that_never_answers_is_given_up() -> None:
    done = Event()
    try:
        [told] = await Looking(lambda: apart(done.wait), 0.01).look()
        assert told.health is Health.BAD
    finally:
        done.set()


async def test_a_thread_gives_back_what_it_found_and_raises_what_it_met() -> None:
    assert await apart(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 // 0)


@pytest.mark.parametrize("kind", [Unavailable, InvalidInput])
async def test_a_failure_is_told_as_its_cause_and_its_way_out(kind: type[Exception]) -> None:
    async def fail() -> None:
        raise kind("the thing\n is gone; fetch it, or make another; or wait")

    [told] = await Looking(fail).look()
    assert told == Diagnosis("the thing", Health.BAD, "the thing is gone", "fetch it, or make another; or wait")


async def test_a_failure_without_a_way_out_is_told_without() -> None:
    async def fail() -> None:
        raise Unavailable("the thing is gone")

    [told] = await Looking(fail).look()
    assert (told.finding, told.advice) == ("the thing is gone", None)


async def test_a_fault_is_told_by_its_kind_and_place_and_not_by_its_message() -> None:
    async def fail() -> None:
        raise ValueError("redis://me:hush@host")

    [told] = await Looking(fail).look()
    assert told.health is Health.BAD
    assert "ValueError in fail, line" in told.finding
    assert "hush" not in str(told)


async def test_what_cancels_it_is_not_held_up() -> None:
    looking = asyncio.create_task(Looking(asyncio.Event().wait).look())
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
