"""Whatever workers, clients and clocks do to a delivery, in whatever order, its rules hold."""

from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lora_manager.domain.delivery import (
    ALLOWED,
    CLAIMABLE,
    FINAL,
    Delivery,
    DispatchFailed,
    LeaseLost,
    Outcome,
    Progress,
    Status,
    TransitionNotAllowed,
)
from lora_manager.domain.events import Event
from lora_manager.testing.strategies import EPOCH
from tests.unit.domain.delivery.example import LEASE, a_delivery

CHANCES = st.floats(0, 1)


class DeliveryMachine(RuleBasedStateMachine):
    """One delivery, and any number of workers that believe that they hold it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = EPOCH
        self.delivery: Delivery
        self.allowed = 0  # attempts that were ever allowed
        self.fences: list[int] = []  # of every claim there was

    @initialize(max_attempts=st.integers(1, 4))
    def accept(self, max_attempts: int) -> None:
        self.delivery, [event] = a_delivery(max_attempts=max_attempts, created_at=self.now).accept()
        assert event.name == "delivery.enqueued"
        self.allowed = max_attempts

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def a_worker_claims_what_is_due(self) -> None:
        if not self.delivery.is_due(self.now):
            return
        if self.delivery.lease is not None:
            self.becomes(self.delivery.expire(now=self.now))
        if self.delivery.status in CLAIMABLE:
            self.becomes(self.delivery.claim(f"worker {len(self.fences)}", now=self.now, lease=LEASE))
            assert self.delivery.lease is not None
            assert all(fence < self.delivery.lease.fence for fence in self.fences)
            self.fences.append(self.delivery.lease.fence)

    @precondition(lambda self: self.delivery.status not in CLAIMABLE)
    @rule()
    def a_worker_claims_what_is_not_to_be_had(self) -> None:
        with pytest.raises(TransitionNotAllowed):
            self.delivery.claim("greedy", now=self.now, lease=LEASE)

    @precondition(lambda self: self.fences)
    @rule(data=st.data(), chance=CHANCES, retryable=st.booleans())
    def some_worker_ends_its_attempt(self, data: st.DataObject, chance: float, *, retryable: bool) -> None:
        fence = data.draw(st.sampled_from(self.fences))
        failure = DispatchFailed("trouble", "trouble", retryable=retryable)
        ending = data.draw(st.sampled_from(["succeed", "fail", "hand_back", "renew"]))
        holds = self.delivery.lease is not None and self.delivery.lease.fence == fence
        before = self.delivery
        try:
            if ending == "succeed":
                self.becomes(before.succeed(fence, {"ok": True}, now=self.now))
            elif ending == "fail":
                self.becomes(before.fail(fence, failure, now=self.now, chance=chance))
                assert (self.delivery.status is Status.RETRYING) == (retryable and before.attempts_left > 0)
            elif ending == "hand_back":
                self.becomes(before.hand_back(fence, now=self.now))
            else:
                self.delivery = before.renew(fence, Progress(0.5), now=self.now, lease=LEASE)
                assert self.delivery.revision == before.revision
        except LeaseLost:
            assert not holds
            assert self.delivery is before
        else:
            assert holds

    @rule()
    def somebody_cancels(self) -> None:
        if self.delivery.status in FINAL:
            with pytest.raises(TransitionNotAllowed):
                self.delivery.cancel(now=self.now)
        else:
            self.becomes(self.delivery.cancel(now=self.now))

    @rule()
    def somebody_retries(self) -> None:
        if self.delivery.status is Status.FAILED:
            self.becomes(self.delivery.retry(now=self.now))
            self.allowed = self.delivery.fence + self.delivery.max_attempts
        else:
            with pytest.raises(TransitionNotAllowed):
                self.delivery.retry(now=self.now)

    def becomes(self, change: tuple[Delivery, tuple[Event, ...]]) -> None:
        """Take the change over, if it goes a way that there is and tells of itself."""
        before, (after, events) = self.delivery, change
        if after is not before:
            assert after.status in ALLOWED[before.status]
            assert after.history[:-1] == before.history
            assert [event.name for event in events] == [after.history[-1].name]
        self.delivery = after

    @invariant()
    def it_is_leased_if_and_only_if_it_runs(self) -> None:
        assert (self.delivery.lease is not None) == (self.delivery.status is Status.RUNNING)
        if self.delivery.lease is not None:
            assert self.delivery.lease.fence == self.delivery.fence

    @invariant()
    def it_has_a_next_attempt_if_and_only_if_it_waits(self) -> None:
        assert (self.delivery.next_attempt_at is not None) == (self.delivery.status in CLAIMABLE)
        assert (self.delivery.finished_at is not None) == (self.delivery.status in FINAL)

    @invariant()
    def attempts_never_pass_the_maximum(self) -> None:
        assert [attempt.number for attempt in self.delivery.attempts] == list(range(1, self.delivery.fence + 1))
        assert self.delivery.fence + self.delivery.attempts_left == self.allowed

    @invariant()
    def every_attempt_but_the_running_one_has_ended(self) -> None:
        running = [attempt for attempt in self.delivery.attempts if attempt.outcome is None]
        assert len(running) == (self.delivery.status is Status.RUNNING)
        assert all((attempt.finished_at is None) == (attempt.outcome is None) for attempt in self.delivery.attempts)
        won = [attempt for attempt in self.delivery.attempts if attempt.outcome is Outcome.SUCCEEDED]
        assert len(won) == (self.delivery.status is Status.SUCCEEDED)


TestDeliveryMachine = DeliveryMachine.TestCase


def test_final_states_are_left_only_by_a_retry() -> None:
    ways = {(status, wanted) for status in FINAL for wanted in ALLOWED[status]}
    assert ways == {(Status.FAILED, Status.PENDING)}


def test_a_clock_that_stands_still_is_no_reason_to_expire() -> None:
    running, _ = a_delivery().accept()[0].claim("one", now=EPOCH, lease=LEASE)
    assert running.expire(now=EPOCH) == (running, ())
    assert not running.is_due(EPOCH)
    assert running.is_due(EPOCH + LEASE)


@pytest.mark.parametrize("status", [Status.PENDING, Status.SUCCEEDED])
def test_what_does_not_run_cannot_expire(status: Status) -> None:
    delivery, _ = a_delivery().accept()
    if status is Status.SUCCEEDED:
        delivery, _ = delivery.claim("one", now=EPOCH, lease=LEASE)
        delivery, _ = delivery.succeed(1, {}, now=EPOCH)
    with pytest.raises(TransitionNotAllowed, match=status):
        delivery.expire(now=EPOCH)


def test_the_wait_a_receiver_asks_for_is_kept() -> None:
    running, _ = a_delivery().accept()[0].claim("one", now=EPOCH, lease=LEASE)
    busy = DispatchFailed("refused", "busy", retryable=True, retry_after=timedelta(seconds=90))
    waiting, _ = running.fail(1, busy, now=EPOCH, chance=0.5)
    assert waiting.next_attempt_at == EPOCH + timedelta(seconds=90)


def test_a_failed_command_leaves_its_output_as_the_result() -> None:
    running, _ = a_delivery(max_attempts=1).accept()[0].claim("one", now=EPOCH, lease=LEASE)
    failed, _ = running.fail(
        1, DispatchFailed("exit_code", "it ended with 3", retryable=True, result={"stderr": "oh"}), now=EPOCH, chance=0
    )
    assert failed.status is Status.FAILED
    assert failed.result == {"stderr": "oh"}
    assert failed.error is not None
    assert failed.error.code == "exit_code"


def test_the_parameters_stay_out_of_the_repr() -> None:
    assert "hunter2" not in repr(a_delivery(params={"headers": {"authorization": "hunter2"}}))
