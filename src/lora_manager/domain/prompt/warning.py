"""What a composition warns of: things a runtime would do wrong or leave out, and still report success."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class WarningCode(StrEnum):
    """The kinds of warning, by their public names."""

    NO_ACTIVE_ADAPTERS = "no_active_adapters"
    DUPLICATE_DROPPED = "duplicate_dropped"
    NAME_REPEATED = "name_repeated"
    WEIGHT_ZERO = "weight_zero"
    WEIGHT_LOST = "weight_lost"
    TE_WEIGHT_LOST = "te_weight_lost"
    FILE_MISSING = "file_missing"
    FILE_CHANGED = "file_changed"
    FILE_UNREADABLE = "file_unreadable"
    BASE_MODELS_MIXED = "base_models_mixed"
    BASE_MODEL_MISMATCH = "base_model_mismatch"
    BASE_MODEL_UNKNOWN = "base_model_unknown"
    NAME_NOT_FILE_STEM = "name_not_file_stem"
    NAME_NOT_WRITABLE = "name_not_writable"
    COMMENT_HIDES_TOKENS = "comment_hides_tokens"


class CompositionWarning(NamedTuple):
    """One warning: a sentence for the artist that says what to do, and the LoRA it is about (None: all of them)."""

    code: WarningCode
    message: str
    lora_id: UUID | None = None
