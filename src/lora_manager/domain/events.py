"""What happened to a LoRA or a delivery, as told to the outside: log lines and outbox rows carry these names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

_NONE: Mapping[str, str | int | float] = MappingProxyType({})


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
    COMPOSED = "compose.request"
    DELIVERY_ENQUEUED = "delivery.enqueued"
    DELIVERY_STARTED = "delivery.started"
    DELIVERY_RETRYING = "delivery.retrying"
    DELIVERY_COMPLETED = "delivery.completed"
    DELIVERY_FAILED = "delivery.failed"
    DELIVERY_CANCELLED = "delivery.cancelled"


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that happened: to what (a LoRA, a delivery, or nothing), when, and which fields it touched.

    :param facts: what else log lines and metrics tell of it, by names; no free text, never a secret
    """

    name: EventName
    at: datetime
    subject: UUID | None = None
    fields: tuple[str, ...] = ()
    facts: Mapping[str, str | int | float] = field(default_factory=lambda: _NONE, hash=False)
