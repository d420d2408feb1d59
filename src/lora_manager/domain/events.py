"""What happened to a LoRA, as told to the outside: log lines and outbox rows carry these names."""

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


@dataclass(frozen=True, slots=True)
class Event:
    """One fact that happened: to what (the LoRA's or the scan's id, or nothing), when, and which fields it touched."""

    name: EventName
    at: datetime
    subject: UUID | None = None
    fields: tuple[str, ...] = ()
