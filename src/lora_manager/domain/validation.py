"""What an outside registry (CivitAI) said of a file."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ValidationState(StrEnum):
    """Where the question stands; ``unknown`` is an answer (nobody published this file), never a fault.

    ``valid``: this very file is published. ``mismatch``: its tensors are, but in a file of other bytes.
    """

    UNCHECKED = "unchecked"
    PENDING = "pending"
    VALID = "valid"
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """The last answer and where it points.

    :param detail: one sentence: why it failed, in what it does not match, what the registry warns of
    :param model_id: the registry's number for the model, as in ``page_url``
    :param version_id: its number for the version
    """

    state: ValidationState = ValidationState.UNCHECKED
    checked_at: datetime | None = None
    detail: str | None = None
    model_id: int | None = None
    version_id: int | None = None
    page_url: str | None = None
