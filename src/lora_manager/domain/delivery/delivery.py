"""The delivery of one prompt to one target, from acceptance to its end, whatever dies in between.

A worker claims a delivery and holds it by a lease. The lease carries a fence, the number of the attempt: a worker that
was away for too long finds that a later attempt holds the delivery, and cannot write a result any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from lora_manager.domain.delivery.attempt import Attempt, DeliveryError, Lease, Outcome, Progress
from lora_manager.domain.delivery.backoff import backoff
from lora_manager.domain.delivery.content import Content
from lora_manager.domain.delivery.failure import DispatchFailed
from lora_manager.domain.delivery.limits import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S
from lora_manager.domain.errors import Conflict, NotFound
from lora_manager.domain.events import Event, EventName


class Status(StrEnum):
    """Where a delivery stands, and who moves it on."""

    PENDING = "pending"  # accepted; a worker claims it
    RUNNING = "running"  # its worker ends the attempt, or the lease does
    RETRYING = "retrying"  # a worker claims it again once ``next_attempt_at`` has come
    SUCCEEDED = "succeeded"  # final
    FAILED = "failed"  # final, unless somebody asks for a retry
    CANCELLED = "cancelled"  # final


class Mode(StrEnum):
    """The kind of a target."""

    HTTP = "http"
    CLI = "cli"
    COMFYUI = "comfyui"
    SDNEXT = "sdnext"


ALLOWED: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.RETRYING, Status.CANCELLED}),
    Status.RETRYING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset(),
}
"""Every way from one status to another; there is no other."""

FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
CLAIMABLE = frozenset({Status.PENDING, Status.RETRYING})
Result: TypeAlias = Mapping[str, object]
_EVENTS: Mapping[Status, EventName] = {
    Status.PENDING: EventName.DELIVERY_ENQUEUED,
    Status.RUNNING: EventName.DELIVERY_STARTED,
    Status.RETRYING: EventName.DELIVERY_RETRYING,
    Status.SUCCEEDED: EventName.DELIVERY_COMPLETED,
    Status.FAILED: EventName.DELIVERY_FAILED,
    Status.CANCELLED: EventName.DELIVERY_CANCELLED,
}


class DeliveryNotFound(NotFound):
    """No delivery has this id."""

    def __init__(self, delivery_id: UUID) -> None:
        self.delivery_id = delivery_id
        super().__init__(f"there is no delivery {str(delivery_id)!r}")


class TransitionNotAllowed(Conflict):
    """The delivery's status does not lead to the one that was asked for."""

    def __init__(self, current: Status, wanted: Status) -> None:
        self.current = current
        self.wanted = wanted
        super().__init__(f"the delivery is {current}; only one that is {_before(wanted)} can become {wanted}")


class LeaseLost(Conflict):
    """Whoever asks does not hold the delivery any more: it was cancelled, or the lease ran out."""

    def __init__(self, delivery_id: UUID, fence: int) -> None:
        self.delivery_id = delivery_id
        self.fence = fence
        super().__init__(f"attempt {fence} does not hold delivery {delivery_id} any more")


class IdempotencyKeyReused(Conflict):
    """The key was sent before, with another request."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("this Idempotency-Key came before with another request; use a new key for a new delivery")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """What makes sending the same request twice one delivery.

    :param key: chosen by the client
    :param fingerprint: of the request it came with
    """

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a delivery's history.

    :param attempt: the number of the attempt it is about
    """

    name: EventName
    at: datetime
    attempt: int | None = None
    error: DeliveryError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One prompt on its way to one target. Every change returns a new value and the events that tell of it.

    :param id: a UUIDv7; every attempt carries it, so that a receiver can tell a repetition
    :param params: of the target, as accepted; may hold secrets
    :param runtime: what takes only so many at once, None for a target without a limit
    :param max_attempts: 1 or more, for each acceptance or retry
    :param timeout_s: seconds that one attempt may take
    :param attempts_left: how many more may begin
    :param next_attempt_at: when it may be claimed; None unless it waits
    :param started_at: when the first attempt began
    :param result: what the target gave back
    :param error: why the last attempt did not succeed
    :param history: what happened, in order; it only grows, so its length tells two states apart
    :param trail: the ids of the request that it came from, by name, for logs and traces
    """

    id: UUID
    prompt: str
    mode: Mode
    params: Mapping[str, object] = field(hash=False, repr=False)
    content: Content
    created_at: datetime
    runtime: str | None = None
    max_attempts: int = DEFAULT_ATTEMPTS
    timeout_s: float = DEFAULT_TIMEOUT_S
    idempotency: IdempotencyKey | None = None
    status: Status = Status.PENDING
    attempts: tuple[Attempt, ...] = ()
    attempts_left: int = DEFAULT_ATTEMPTS
    lease: Lease | None = None
    progress: Progress = field(default_factory=Progress)
    next_attempt_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: Result | None = field(default=None, hash=False)
    error: DeliveryError | None = None
    history: tuple[Happening, ...] = ()
    trail: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def fence(self) -> int:
        """The number of the latest attempt, 0 before the first."""
        return len(self.attempts)

    @property
    def revision(self) -> int:
        """Grows with every change but a renewal of the lease."""
        return len(self.history)

    def accept(self) -> "Change":
        """The new delivery, ready to be claimed."""
        return self._become(
            Status.PENDING, self.created_at, attempts_left=self.max_attempts, next_attempt_at=self.created_at
        )

    def is_due(self, now: datetime) -> bool:
        """Whether a worker may claim it, or find that its lease ran out."""
        if self.lease is not None:
            return self.lease.until <= now
        return self.next_attempt_at is not None and self.next_attempt_at <= now

    def claim(self, worker: str, *, now: datetime, lease: timedelta) -> "Change":
        """Begin the next attempt.

        :raises TransitionNotAllowed: it is running or ended
        """
        number = self.fence + 1
        return self._move(
            Status.RUNNING,
            now,
            attempts=(*self.attempts, Attempt(number=number, worker=worker, started_at=now)),
            attempts_left=self.attempts_left - 1,
            lease=Lease(number, now + lease),
            progress=Progress(),
            next_attempt_at=None,
            started_at=self.started_at or now,
            error=None,
        )

    def renew(self, fence: int, progress: Progress, *, now: datetime, lease: timedelta) -> "Delivery":
        """Hold it for longer, and say how far the attempt is.

        :raises LeaseLost: the attempt does not hold it any more
        """
        self._require(fence)
        return replace(self, lease=Lease(fence, now + lease), progress=progress)

    def succeed(self, fence: int, result: Result, *, now: datetime) -> "Change":
        """The target took it.

        :raises LeaseLost: the attempt does not hold it any more
        """
        self._require(fence)
        return self._end(Outcome.SUCCEEDED, Status.SUCCEEDED, now, result=result)

    def fail(self, fence: int, failure: DispatchFailed, *, now: datetime, chance: float) -> "Change":
        """The attempt did not succeed; try again where that may help and attempts are left.

        :param chance: a random number in 0..1, which spreads those that failed together
        :raises LeaseLost: the attempt does not hold it any more
        """
        self._require(fence)
        if not (failure.error.retryable and self.attempts_left):
            return self._end(Outcome.FAILED, Status.FAILED, now, failure.error, result=failure.result)
        wait = max(backoff(self.max_attempts - self.attempts_left, chance), failure.retry_after or timedelta())
        return self._end(Outcome.FAILED, Status.RETRYING, now, failure.error, next_attempt_at=now + wait)

    def hand_back(self, fence: int, *, now: datetime) -> "Change":
        """Its worker stops before the attempt ended; another one goes on at once.

        :raises LeaseLost: the attempt does not hold it any more
        """
        self._require(fence)
        error = DeliveryError("handed_back", "the worker was stopped before the attempt ended", retryable=True)
        return self._give_up(Outcome.HANDED_BACK, error, now)

    def expire(self, *, now: datetime) -> "Change":
        """Its worker was not heard of until the lease ran out: another one goes on at once.

        :raises TransitionNotAllowed: it is not running
        """
        if self.lease is None:
            raise TransitionNotAllowed(self.status, Status.RETRYING)
        if now < self.lease.until:
            return self, ()
        error = DeliveryError("lost", "the worker was not heard of until its lease ran out", retryable=True)
        return self._give_up(Outcome.LOST, error, now)

    def cancel(self, *, now: datetime) -> "Change":
        """Stop it; a worker that is at it finds its lease lost.

        :raises TransitionNotAllowed: it ended
        """
        if self.lease is not None:
            return self._end(Outcome.CANCELLED, Status.CANCELLED, now)
        return self._move(Status.CANCELLED, now, next_attempt_at=None, finished_at=now)

    def retry(self, *, now: datetime) -> "Change":
        """Try a failed one again, with as many attempts as at first.

        :raises TransitionNotAllowed: it did not fail
        """
        return self._move(
            Status.PENDING,
            now,
            attempts_left=self.max_attempts,
            next_attempt_at=now,
            finished_at=None,
            result=None,
            error=None,
        )

    def _require(self, fence: int) -> None:
        if self.lease is None or self.lease.fence != fence:
            raise LeaseLost(self.id, fence)

    def _give_up(self, outcome: Outcome, error: DeliveryError, now: datetime) -> "Change":
        if self.attempts_left:
            return self._end(outcome, Status.RETRYING, now, error, next_attempt_at=now)
        return self._end(outcome, Status.FAILED, now, error)

    def _end(
        self,
        outcome: Outcome,
        status: Status,
        now: datetime,
        error: DeliveryError | None = None,
        *,
        result: Result | None = None,
        next_attempt_at: datetime | None = None,
    ) -> "Change":
        """The running attempt is over."""
        *before, running = self.attempts
        ended = replace(running, finished_at=now, outcome=outcome, error=error)
        return self._move(
            status,
            now,
            attempts=(*before, ended),
            lease=None,
            next_attempt_at=next_attempt_at,
            finished_at=now if status in FINAL else None,
            result=result,
            error=error,
        )

    def _move(self, status: Status, now: datetime, **changes: object) -> "Change":
        """The one way from a status to another."""
        if status not in ALLOWED[self.status]:
            raise TransitionNotAllowed(self.status, status)
        return self._become(status, now, **changes)

    def _become(self, status: Status, now: datetime, **changes: object) -> "Change":
        """The delivery in this status, its history one line longer."""
        changed: Delivery = replace(self, status=status, **changes)  # type: ignore[arg-type]  # mypy cannot match them
        line = Happening(_EVENTS[status], now, changed.fence or None, changed.error)
        return replace(changed, history=(*self.history, line)), (Event(line.name, now, self.id, facts=_facts(changed)),)


Change: TypeAlias = tuple[Delivery, tuple[Event, ...]]


def _facts(delivery: Delivery) -> Mapping[str, str | int | float]:
    """What an event tells of it: ``seconds`` are those from its acceptance to its end."""
    facts: dict[str, str | int | float] = {"mode": delivery.mode.value, "attempt": delivery.fence}
    if delivery.error is not None:
        facts["error"] = delivery.error.code
    if delivery.finished_at is not None:
        facts["seconds"] = (delivery.finished_at - delivery.created_at).total_seconds()
    return facts


def _before(wanted: Status) -> str:
    return " or ".join(status for status in Status if wanted in ALLOWED[status])
