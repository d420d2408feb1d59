"""Deliveries as a worker has them when it dispatches."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from lora_manager.domain.delivery import Content, Delivery, Mode, Progress

ID = UUID("01900000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def running(
    mode: Mode, params: Mapping[str, object], *, prompt: str = "a quiet harbour", content: Content | None = None
) -> Delivery:
    """A delivery in its first attempt."""
    delivery = Delivery(
        id=ID, prompt=prompt, mode=mode, params=params, content=content or Content(prompt), created_at=NOW
    )
    accepted, _ = delivery.accept()
    claimed, _ = accepted.claim("worker", now=NOW, lease=timedelta(seconds=30))
    return claimed


def ignore(_: Progress) -> None:
    """Take a report of progress."""
