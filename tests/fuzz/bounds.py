"""What no input may do: fail in a way that is not documented, hang, take memory or work out of proportion.

Nothing here measures time, which depends on the machine: work is counted, memory is what Python allocates, and what
would take minutes is ended by the watchdog in ``conftest.py``.
"""

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

from hypothesis import settings

from lora_manager.domain.errors import Failure

T = TypeVar("T")
ErrorT = TypeVar("ErrorT", bound=Failure)

HANGS_AFTER_S = 120
"""Seconds after which a test hangs; the slowest takes some seconds. A long run gets one more for each example."""

_SPARE_BYTES = 200_000  # what a call may take however small its input: caches, compiled patterns, messages
_GROWTH = 3  # times the work that twice the input may take: linear work takes two, quadratic four


def fuzz(test: Callable[..., None]) -> Callable[..., None]:
    """Has a property tried with as many examples as the profile of these tests says."""
    return settings(settings.get_profile("fuzz"))(test)


def outcome(call: Callable[[], T], *documented: type[ErrorT]) -> T | ErrorT:
    """What a call gives, or the documented error that it raises; any other error passes, and fails the test."""
    try:
        return call()
    except documented as error:
        return error


def peak_bytes(call: Callable[[], object], *documented: type[Failure]) -> int:
    """The most memory that a call holds at once, without what was held before."""
    tracemalloc.start()
    try:
        outcome(call, *documented)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def require_memory(call: Callable[[], object], size: int, factor: float, *documented: type[Failure]) -> None:
    """Fail if a call holds more memory than ``factor`` times the size of its input."""
    peak = peak_bytes(call, *documented)
    assert peak <= factor * size + _SPARE_BYTES, f"{peak:,} bytes for an input of {size:,}"


def work(call: Callable[[], object], *documented: type[Failure]) -> int:
    """How many instructions of Python a call takes: the same on every machine."""
    count = 0

    def step(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:  # noqa: ANN401  # as sys.settrace has it
        nonlocal count
        if event == "call":
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
        count += 1
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        outcome(call, *documented)
    finally:
        sys.settrace(before)
    return count


def require_linear(call: Callable[[int], Callable[[], object]], size: int, *documented: type[Failure]) -> None:
    """Fail if twice the input takes much more than twice the work.

    :param call: makes a call with an input of a given size
    :param size: of the smaller input
    """
    outcome(call(1), *documented)  # what is made once, such as compiled patterns, is made now
    small, large = work(call(size), *documented), work(call(2 * size), *documented)
    assert large <= _GROWTH * small, f"{small:,} instructions for {size:,}, {large:,} for twice as much"
