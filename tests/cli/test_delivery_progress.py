"""The line that says where a delivery stands."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from lora_manager.cli.delivery_progress import standing
from lora_manager.domain.delivery import Content, Delivery, DispatchFailed, Mode, Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def accepted() -> Delivery:
    content = Content("a castle")
    delivery = Delivery(
        id=UUID(int=1), prompt="a castle", mode=Mode.SDNEXT, params={}, content=content, created_at=NOW, max_attempts=2
    )
    return delivery.accept()[0]


def running(delivery: Delivery) -> Delivery:
    return delivery.claim("worker", now=NOW, lease=LEASE)[0]


def test_before_the_first_attempt_there_is_the_status_alone() -> None:
    assert standing(accepted(), NOW) == "pending"


def test_an_attempt_is_told_with_its_progress_as_far_as_that_is_known() -> None:
    delivery = running(accepted())
    assert standing(delivery, NOW) == "running, attempt 1 of 2"
    detailed = delivery.renew(1, Progress(0.355, "step 7 of 20"), now=NOW, lease=LEASE)
    assert standing(detailed, NOW) == "running, attempt 1 of 2, 36%, step 7 of 20"
    without_fraction = delivery.renew(1, Progress(None, "queued"), now=NOW, lease=LEASE)
    assert standing(without_fraction, NOW) == "running, attempt 1 of 2, queued"


def test_between_attempts_the_seconds_are_counted_down_and_the_reason_is_told() -> None:
    failure = DispatchFailed("busy", "it is busy", retryable=True, retry_after=timedelta(seconds=9))
    delivery, _ = running(accepted()).fail(1, failure, now=NOW, chance=0.0)
    assert standing(delivery, NOW) == "retrying, attempt 1 of 2, the next in 9 s: it is busy"
    assert standing(delivery, NOW + timedelta(seconds=7)) == "retrying, attempt 1 of 2, the next in 2 s: it is busy"
    assert standing(delivery, NOW + timedelta(seconds=20)) == "retrying, attempt 1 of 2, the next in 0 s: it is busy"


def test_progress_of_an_attempt_that_ended_is_not_told() -> None:
    delivery = running(accepted()).renew(1, Progress(0.5, "step 10 of 20"), now=NOW, lease=LEASE)
    succeeded, _ = delivery.succeed(1, {}, now=NOW)
    assert standing(succeeded, NOW) == "succeeded, attempt 1 of 2"
