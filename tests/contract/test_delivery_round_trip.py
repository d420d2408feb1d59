"""Whatever a delivery went through, every store gives it back as it was."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lora_manager.domain.delivery import (
    Content,
    DeliveredLora,
    Delivery,
    DispatchFailed,
    IdempotencyKey,
    Mode,
    Progress,
)
from lora_manager.domain.errors import Conflict
from lora_manager.testing import strategies as some
from tests.contract.examples import LEASE, NOW, a_delivery, new_id
from tests.contract.stores import NewUrl, Stores, memory_stores, sql_stores

Step = Callable[[Delivery, datetime], Delivery]

# Any text that a runtime may answer with. JSON cannot tell two halves of a pair from the whole, so none meet here.
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.just("\x00"), max_size=20) | st.just("\ud800 and more")
JSON: SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@st.composite
def steps(draw: DrawFn) -> Step:
    """One thing that can be asked of a delivery."""
    failed = DispatchFailed("refused", draw(TEXT), retryable=draw(st.booleans()), result=draw(st.none() | OBJECTS))
    progress = Progress(draw(st.none() | st.floats(0, 1)), draw(st.none() | TEXT))
    chance, result, worker = draw(st.floats(0, 1)), draw(OBJECTS), draw(STORABLE)
    step: Step = draw(
        st.sampled_from([
            lambda one, now: one.claim(worker, now=now, lease=LEASE)[0],
            lambda one, now: one.claim(worker, now=now, lease=LEASE)[0],
            lambda one, now: one.renew(one.fence, progress, now=now, lease=LEASE),
            lambda one, now: one.succeed(one.fence, result, now=now)[0],
            lambda one, now: one.fail(one.fence, failed, now=now, chance=chance)[0],
            lambda one, now: one.hand_back(one.fence, now=now)[0],
            lambda one, now: one.expire(now=now)[0],
            lambda one, now: one.cancel(now=now)[0],
            lambda one, now: one.retry(now=now)[0],
        ])
    )  # fmt: skip
    return step


@st.composite
def lives(draw: DrawFn) -> Sequence[Delivery]:
    """A new delivery, and what it became step by step."""
    loras = st.builds(
        DeliveredLora,
        st.builds(new_id),
        some.names(),
        some.versions(),
        some.weights(),
        st.none() | some.weights(),
        st.none() | st.just("0" * 64),
        STORABLE,
    )
    life = [
        a_delivery(
            prompt=draw(STORABLE),
            mode=draw(st.sampled_from(Mode)),
            params=draw(OBJECTS),
            content=Content(draw(STORABLE), tuple(draw(st.lists(STORABLE))), tuple(draw(st.lists(loras, max_size=2)))),
            runtime=draw(st.none() | st.just("gpu:1")),
            max_attempts=draw(st.integers(1, 3)),
            timeout_s=draw(st.floats(0.1, 86_400)),
            trail=draw(st.dictionaries(TEXT, TEXT, max_size=3)),
            idempotency=draw(st.none() | st.builds(IdempotencyKey, st.builds(lambda: str(new_id())), STORABLE)),
        )
    ]
    now = NOW
    for step in draw(st.lists(steps(), max_size=8)):
        now += draw(st.timedeltas(timedelta(), 2 * LEASE))
        try:
            life.append(step(life[-1], now))
        except Conflict:
            continue  # not from the status that it has
    return life


async def live(stores: Stores, life: Sequence[Delivery]) -> None:
    """Store it, then every change, and compare."""
    first, *changes = life
    await stores.accept(first)
    for delivery in (first, *changes):
        if delivery is not first:
            await stores.change(delivery)
        async with stores.begin() as uow:
            (held,) = await uow.deliveries.get(delivery.id)
        for found in (held, await stores.deliveries.get(delivery.id)):
            assert found == delivery
            assert repr((found, found.params, found.result)) == repr((delivery, delivery.params, delivery.result))


def test_every_life_of_a_delivery_comes_back_from_every_store(new_url: NewUrl) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        urls = [new_url(system) for system in ("sqlite", "postgresql")]
        everywhere = [memory_stores(), *(runner.run(stack.enter_async_context(sql_stores(url))) for url in urls)]

        @settings(max_examples=50)
        @given(lives())
        def check(life: Sequence[Delivery]) -> None:
            for stores in everywhere:
                runner.run(live(stores, life))

        try:
            check()
        finally:
            runner.run(stack.aclose())
