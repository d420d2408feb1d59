"""The pace at which an outside service is asked, in a time of the tests' own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.civitai.pace import Fault, Pace, Throttled
from lora_manager.domain.errors import Unavailable
from tests.contract.civitai_world import FakeTime


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def pace(time: FakeTime) -> Pace:
    return Pace(clock=time.clock, sleep=time.sleep, chance=lambda: 1.0)


async def turn(pace: Pace, error: BaseException | None = None) -> None:
    """Ask once; whatever comes of it is swallowed, but for being turned away."""
    try:
        async with pace.turn("CivitAI"):
            if error is not None:
                raise error
    except (Fault, asyncio.CancelledError):
        pass


def fault(wait_s: float | None = None) -> Fault:
    return Fault("it answered with 503", is_passing=True, wait=None if wait_s is None else timedelta(seconds=wait_s))


def throttled(wait_s: float | None = None) -> Throttled:
    return Throttled("slowly", is_passing=True, wait=None if wait_s is None else timedelta(seconds=wait_s))


async def open_breaker(pace: Pace) -> None:
    for _ in range(5):
        await turn(pace, fault())


@asynccontextmanager
async def under_way(pace: Pace, count: int) -> AsyncIterator[None]:
    """So many requests that are sent before the block, and fail after it."""
    failing, sent = asyncio.Event(), asyncio.Semaphore(0)

    async def ask() -> None:
        async with pace.turn("CivitAI"):
            sent.release()
            await failing.wait()
            raise fault()

    tasks = [asyncio.create_task(ask()) for _ in range(count)]
    for _ in tasks:
        await sent.acquire()
    yield
    failing.set()
    assert all(isinstance(failure, Fault) for failure in await asyncio.gather(*tasks, return_exceptions=True))


async def refused(pace: Pace) -> str:
    with pytest.raises(Unavailable) as caught:
        await turn(pace)
    return str(caught.value)


async def test_all_who_ask_share_one_rate(pace: Pace, time: FakeTime) -> None:
    moments: list[float] = []

    async def ask() -> None:
        async with pace.turn("CivitAI"):
            moments.append(time.now)

    await asyncio.gather(*(ask() for _ in range(7)))

    assert moments == pytest.approx([1_000 + number / 3 for number in range(7)])


async def test_each_429_halves_the_rate_down_to_a_limit(pace: Pace) -> None:
    rates = []
    for _ in range(6):
        await turn(pace, throttled())
        rates.append(pace.per_second)

    assert rates == [1.5, 0.75, 0.375, 0.1875, 0.1, 0.1]


async def test_a_slow_answer_halves_the_rate(pace: Pace, time: FakeTime) -> None:
    async with pace.turn("CivitAI"):
        time.now += 5.1

    assert pace.per_second == 1.5


async def test_good_answers_give_the_rate_back_step_by_step_and_no_more(pace: Pace) -> None:
    await turn(pace, throttled())
    rates = []
    for _ in range(20):
        await turn(pace)
        rates.append(pace.per_second)

    assert rates[:3] == pytest.approx([1.6, 1.7, 1.8])
    assert rates[-1] == 3


async def test_nobody_asks_for_longer_and_longer_after_faults_in_a_row(pace: Pace, time: FakeTime) -> None:
    for _ in range(8):
        await turn(pace, throttled())
    await turn(pace)

    assert time.slept[:7] == [1, 2, 4, 8, 16, 30, 30]


async def test_chance_takes_up_to_half_of_the_wait(time: FakeTime) -> None:
    pace = Pace(clock=time.clock, sleep=time.sleep, chance=lambda: 0.0)

    await turn(pace, fault())
    await turn(pace)

    assert time.slept == [0.5]


async def test_a_good_answer_ends_the_row_of_faults(pace: Pace, time: FakeTime) -> None:
    await turn(pace, throttled())
    await turn(pace)
    time.slept.clear()
    await turn(pace, throttled())
    await turn(pace)

    assert time.slept[-1] == 1


@pytest.mark.parametrize("error", [throttled(120), fault(120)])
async def test_two_minutes_are_waited_when_the_service_says_so(pace: Pace, time: FakeTime, error: Fault) -> None:
    await turn(pace, error)
    await turn(pace)

    assert time.slept == [120]


async def test_a_longer_wait_turns_everybody_away_until_it_is_short_enough(pace: Pace, time: FakeTime) -> None:
    await turn(pace, throttled(121))
    assert "CivitAI asks to be left alone; ask again in 2 minutes" in await refused(pace)
    time.now += 1

    await turn(pace)

    assert time.slept == [120]


async def test_a_fault_that_says_nothing_of_waiting_does_not_shorten_what_was_said(pace: Pace, time: FakeTime) -> None:
    async with under_way(pace, 1):
        await turn(pace, throttled(60))
    time.slept.clear()

    await turn(pace)

    assert time.slept == [pytest.approx(60)]


async def test_five_failures_in_a_row_turn_everybody_away_at_once(pace: Pace, time: FakeTime) -> None:
    await open_breaker(pace)
    slept = list(time.slept)

    message = await refused(pace)

    assert message == "CivitAI failed several times in a row, last because it answered with 503; ask again in 30 s"
    assert time.slept == slept


async def test_four_failures_and_a_good_answer_turn_nobody_away(pace: Pace) -> None:
    for _ in range(3):
        for _ in range(4):
            await turn(pace, fault())
        await turn(pace)


async def test_a_service_that_only_asks_for_fewer_requests_is_not_down(pace: Pace) -> None:
    for _ in range(4):
        await turn(pace, fault())
    await turn(pace, throttled())
    await turn(pace, fault())

    await turn(pace)


async def test_after_the_pause_one_may_try_and_the_others_are_turned_away(pace: Pace, time: FakeTime) -> None:
    await open_breaker(pace)
    time.now += 30

    async with pace.turn("CivitAI"):
        assert "once the request that tries now is answered" in await refused(pace)
    await turn(pace)


async def test_the_pause_doubles_with_each_try_that_fails_up_to_five_minutes(pace: Pace, time: FakeTime) -> None:
    await open_breaker(pace)
    pauses = []
    time.now += 30
    for _ in range(5):
        await turn(pace, fault())
        pauses.append(int((await refused(pace)).rsplit(" ", 2)[1]))
        time.now += pauses[-1]

    assert pauses == [60, 120, 240, 300, 300]


async def test_a_try_that_succeeds_makes_the_next_pause_short_again(pace: Pace, time: FakeTime) -> None:
    await open_breaker(pace)
    time.now += 30
    await turn(pace, fault())
    time.now += 60
    await turn(pace)

    await open_breaker(pace)

    assert (await refused(pace)).endswith("ask again in 30 s")


async def test_a_try_that_is_given_up_leaves_it_to_the_next_one(pace: Pace, time: FakeTime) -> None:
    await open_breaker(pace)
    time.now += 30
    await turn(pace, asyncio.CancelledError())

    await turn(pace)


async def test_requests_that_were_on_their_way_when_all_were_turned_away_do_not_lengthen_the_pause(
    pace: Pace, time: FakeTime
) -> None:
    async with under_way(pace, 1):
        await open_breaker(pace)
        time.now += 10

    assert (await refused(pace)).endswith("ask again in 20 s")


async def test_one_who_waits_in_line_is_turned_away_when_the_service_goes_down_meanwhile(time: FakeTime) -> None:
    may_wake = asyncio.Event()
    may_wake.set()

    async def sleep(seconds: float) -> None:
        await may_wake.wait()
        time.now += seconds

    pace = Pace(clock=time.clock, sleep=sleep, chance=lambda: 1.0)
    async with under_way(pace, 5):
        may_wake.clear()
        waiting = asyncio.create_task(turn(pace))
        await asyncio.sleep(0)
    may_wake.set()

    with pytest.raises(Unavailable):
        await waiting


@given(st.lists(st.sampled_from(["good", "slow", "fault", "throttled", "pause"]), max_size=40))
async def test_the_rate_is_never_above_the_highest_and_never_nothing(happenings: list[str]) -> None:
    time = FakeTime()
    pace = Pace(clock=time.clock, sleep=time.sleep, chance=lambda: 1.0)
    for happening in happenings:
        try:
            match happening:
                case "pause":
                    time.now += 300
                case "slow":
                    async with pace.turn("CivitAI"):
                        time.now += 6
                case _:
                    await turn(pace, {"fault": fault(), "throttled": throttled()}.get(happening))
        except Unavailable:
            continue
        assert 0.1 <= pace.per_second <= 3
