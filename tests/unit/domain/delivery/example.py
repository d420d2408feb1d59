"""A delivery to begin with."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from lora_manager.domain.delivery import Content, Delivery, Mode
from lora_manager.domain.ids import uuid7
from lora_manager.testing.strategies import EPOCH

LEASE = timedelta(seconds=30)
_TO_LOOPBACK: Mapping[str, object] = {"host": "127.0.0.1"}


def a_delivery(
    delivery_id: UUID | None = None,
    *,
    prompt: str = "a quiet harbour",
    params: Mapping[str, object] = _TO_LOOPBACK,
    max_attempts: int = 3,
    created_at: datetime = EPOCH,
) -> Delivery:
    """A plain prompt for an HTTP server of this machine, not accepted yet."""
    return Delivery(
        id=delivery_id or uuid7(int(created_at.timestamp() * 1000), 0),
        prompt=prompt,
        mode=Mode.HTTP,
        params=params,
        content=Content(prompt),
        created_at=created_at,
        max_attempts=max_attempts,
    )
