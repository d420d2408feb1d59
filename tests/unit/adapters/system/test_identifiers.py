from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.system.identifiers import MonotonicIdentifiers


def milliseconds_of(identifier: int) -> int:
    return identifier >> 80


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=50), st.data())
def test_each_id_sorts_after_all_before_whatever_the_clock_does(clock: list[int], data: st.DataObject) -> None:
    ticks: Iterator[int] = iter(clock)
    identifiers = MonotonicIdentifiers(lambda: next(ticks), lambda bits: data.draw(st.integers(0, 2**bits - 1)))
    made = [identifiers.new() for _ in clock]
    assert made == sorted(set(made))
    assert [milliseconds_of(each.int) for each in made] == [max(clock[: place + 1]) for place in range(len(clock))]


def test_ids_are_of_version_seven_and_carry_the_time() -> None:
    made = MonotonicIdentifiers(lambda: 1_767_323_045_678).new()
    assert made.version == 7
    assert milliseconds_of(made.int) == 1_767_323_045_678


def test_two_makers_in_the_same_millisecond_differ() -> None:
    assert MonotonicIdentifiers(lambda: 1).new() != MonotonicIdentifiers(lambda: 1).new()


def test_threads_never_get_the_same_id() -> None:
    identifiers = MonotonicIdentifiers(lambda: 1)

    def make(_: int) -> list[int]:
        return [identifiers.new().int for _ in range(500)]

    with ThreadPoolExecutor(max_workers=4) as threads:
        made = [each for some in threads.map(make, range(4)) for each in some]
    assert len(set(made)) == 2_000
