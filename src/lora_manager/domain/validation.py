"""What an outside registry (CivitAI) said of a file."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ValidationState(StrEnum):
    """Where the question stands; ``unknown`` is an answer (nobody published this file), never a fault."""

    UNCHECKED = "unchecked"
    PENDING = "pending"
    VALID = "valid"
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The last answer and where it points."""

    state: ValidationState = ValidationState.UNCHECKED
    checked_at: datetime | None = None
    detail: str | None = None
    model_id: int | None = None
    version_id: int | None = None
    page_url: str | None = None
