"""A delivery as a row of ``deliveries``, and back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column

from lora_manager.adapters.database.tables import deliveries
from lora_manager.domain.delivery import Delivery, IdempotencyKey, Lease, Mode, Status

_c = deliveries.c
# In the order of from_row.
DELIVERY_COLUMNS: tuple[Column[Any], ...] = (
    _c.id,
    _c.prompt,
    _c.mode,
    _c.params,
    _c.content,
    _c.created_at,
    _c.runtime,
    _c.max_attempts,
    _c.timeout_s,
    _c.idempotency_key,
    _c.idempotency_fingerprint,
    _c.status,
    _c.attempts,
    _c.attempts_left,
    _c.lease_fence,
    _c.lease_until,
    _c.progress,
    _c.next_attempt_at,
    _c.started_at,
    _c.finished_at,
    _c.result,
    _c.error,
    _c.history,
    _c.trail,
)
_MODES = {mode.value: mode for mode in Mode}
_STATUSES = {status.value: status for status in Status}


def from_row(row: Sequence[Any]) -> Delivery:
    """The delivery that :data:`DELIVERY_COLUMNS` of one row hold; what follows them is passed over."""
    return Delivery(
        id=row[0],
        prompt=row[1],
        mode=_MODES[row[2]],
        params=row[3],
        content=row[4],
        created_at=row[5],
        runtime=row[6],
        max_attempts=row[7],
        timeout_s=row[8],
        idempotency=None if row[9] is None else IdempotencyKey(row[9], row[10]),
        status=_STATUSES[row[11]],
        attempts=row[12],
        attempts_left=row[13],
        lease=None if row[14] is None else Lease(row[14], row[15]),
        progress=row[16],
        next_attempt_at=row[17],
        started_at=row[18],
        finished_at=row[19],
        result=row[20],
        error=row[21],
        history=row[22],
        trail=row[23] or {},
    )


def to_row(delivery: Delivery) -> dict[str, Any]:
    """The value of every column that is not computed, by name."""
    idempotency = delivery.idempotency
    return {
        "id": delivery.id,
        "prompt": delivery.prompt,
        "mode": delivery.mode,
        "params": dict(delivery.params),
        "content": delivery.content,
        "created_at": delivery.created_at,
        "runtime": delivery.runtime,
        "max_attempts": delivery.max_attempts,
        "timeout_s": delivery.timeout_s,
        "idempotency_key": None if idempotency is None else idempotency.key,
        "idempotency_fingerprint": None if idempotency is None else idempotency.fingerprint,
        "trail": dict(delivery.trail) or None,
        **changing(delivery),
    }


def changing(delivery: Delivery) -> dict[str, Any]:
    """The value of every column that a change of the delivery can change, by name."""
    lease = delivery.lease
    return {
        "revision": delivery.revision,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "attempts_left": delivery.attempts_left,
        "lease_fence": None if lease is None else lease.fence,
        "lease_until": None if lease is None else lease.until,
        "progress": delivery.progress,
        "next_attempt_at": delivery.next_attempt_at,
        "started_at": delivery.started_at,
        "finished_at": delivery.finished_at,
        "result": None if delivery.result is None else dict(delivery.result),
        "error": delivery.error,
        "history": delivery.history,
    }
