"""Where a LoRA's published metadata document stands."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PublicationState(StrEnum):
    """Whether the document that others read is up to date; ``off`` where nothing is published."""

    OFF = "off"
    PENDING = "pending"
    SYNCED = "synced"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The last publication of the metadata document."""

    state: PublicationState = PublicationState.OFF
    uri: str | None = None
    synced_at: datetime | None = None
    detail: str | None = None
