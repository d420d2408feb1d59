"""The contract of ``ports.tracing.Tracer``."""

import asyncio
from collections.abc import Callable

import pytest

from lora_manager.ports.tracing import NoTracer, Tracer
from lora_manager.ports.trail import following, trail
from tests.contract.spans import TRAIL, Spans


@pytest.fixture(params=[NoTracer, lambda: Spans().tracer], ids=["nothing traced", "OpenTelemetry"])
def tracer(request: pytest.FixtureRequest) -> Tracer:
    make: Callable[[], Tracer] = request.param
    return make()


def test_an_exception_leaves_the_block_as_it_is(tracer: Tracer) -> None:
    fault = RuntimeError("as it is")
    with pytest.raises(RuntimeError) as caught, tracer.span("work"):
        raise fault
    assert caught.value is fault


def test_the_trail_goes_on_in_the_block_and_is_after_it_what_it_was(tracer: Tracer) -> None:
    with following(TRAIL):
        with tracer.span("work", number=1, text="a"), tracer.span("work"):
            assert trail().keys() == TRAIL.keys()
            assert {**trail(), "traceparent": ""} == {**TRAIL, "traceparent": ""}
        assert trail() == TRAIL


def test_the_trail_is_what_it_was_after_an_exception(tracer: Tracer) -> None:
    with following(TRAIL):
        with pytest.raises(RuntimeError), tracer.span("work"):
            raise RuntimeError
        assert trail() == TRAIL


@pytest.mark.parametrize("given", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\ud800", "ü" * 600])
def test_whatever_the_trail_holds_no_span_raises(tracer: Tracer, given: str) -> None:
    with following({"traceparent": given}), tracer.span("work"):
        pass
    with following({}), tracer.span("work"):
        pass


async def test_blocks_in_tasks_know_nothing_of_each_other(tracer: Tracer) -> None:
    both = asyncio.Barrier(2)

    async def work(name: str) -> None:
        with following({"request_id": name}), tracer.span("work"):
            await both.wait()
            assert trail()["request_id"] == name
            await both.wait()
        assert trail() == {}

    await asyncio.gather(work("one"), work("other"))
