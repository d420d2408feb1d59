"""What happened to a LoRA or a delivery, as told to the outside: log lines and outbox rows carry these names."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class EventName(StrEnum):
    """The public names of events."""

    CREATED = "adapter.created"
    UPDATED = "adapter.updated"
    ACTIVATED = "adapter.activated"
    DEACTIVATED = "adapter.deactivated"
    DELETED = "adapter.deleted"
    RESTORED = "adapter.restored"
    SCANNED = "library.scanned"
    METADATA_PUBLISHED = "metadata.published"
    METADATA_FAILED = "metadata.failed"
    VALIDATED = "validation.completed"
    DELIVERY_ENQUEUED = "delivery.enqueued"
    DELIVERY_STARTED = "delivery.started"
    DELIVERY_RETRYING = "delivery.retrying"
    DELIVERY_COMPLETED = "delivery.completed"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_CANCELLED = "delivery.cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that happened: to what (a LoRA, a delivery, or nothing), when, and which fields it touched."""

    name: EventName
    at: datetime
    subject: UUID | None = None
    fields: tuple[str, ...] = ()
