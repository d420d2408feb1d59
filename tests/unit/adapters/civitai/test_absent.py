"""Remembering what was not found."""

from lora_manager.adapters.civitai.absent import AbsentHashes
from tests.contract.civitai_world import FakeTime


def test_a_hash_is_absent_for_an_hour() -> None:
    time = FakeTime()
    absent = AbsentHashes(time.clock)
    absent.add("a")

    time.now += 3_599
    assert "a" in absent
    assert "b" not in absent
    time.now += 1
    assert "a" not in absent


def test_noting_a_hash_again_begins_another_hour() -> None:
    time = FakeTime()
    absent = AbsentHashes(time.clock)
    absent.add("a")
    time.now += 3_599
    absent.add("a")
    time.now += 3_599

    assert "a" in absent


def test_of_too_many_those_noted_longest_ago_are_forgotten() -> None:
    absent = AbsentHashes(FakeTime().clock)
    for number in range(10_000):
        absent.add(str(number))
    absent.add("0")
    absent.add("one more")

    assert "0" in absent
    assert "1" not in absent
    assert "2" in absent
