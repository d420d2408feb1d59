"""One try of a delivery: who made it, when, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended; only the worker that made it can say the first three."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    HANDED_BACK = "handed_back"  # its worker was told to stop
    LOST = "lost"  # its worker was not heard of until the lease ran out
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class DeliveryError:
    """Why an attempt, or the whole delivery, did not succeed.

    :param code: one word for programs: ``refused``, ``timeout``, ``unreachable``, ...
    :param message: a sentence for the user: the cause, and what to do; holds no secret
    :param retryable: whether trying again, as it is, may succeed
    """

    code: str
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try.

    :param number: 1 for the first; it is the fence: whoever holds a smaller one holds nothing
    :param worker: the name of the worker that made it
    :param outcome: None while it runs
    :param error: why it did not succeed
    """

    number: int
    worker: str
    started_at: datetime
    finished_at: datetime | None = None
    outcome: Outcome | None = None
    error: DeliveryError | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a delivery: of this attempt, until this moment unless it is renewed."""

    fence: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running attempt is.

    :param fraction: 0..1; None where the runtime does not say
    :param detail: a few words: ``queued``, ``step 7 of 20``
    """

    fraction: float | None = None
    detail: str | None = None
