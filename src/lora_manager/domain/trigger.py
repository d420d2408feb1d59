"""Trigger words: the text that wakes what a LoRA has learned."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class TriggerStatus(StrEnum):
    """Whether a prompt needs the trigger."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger text; triggers of one outfit, character or style share a ``group``."""

    text: str
    group: str | None = None
    status: TriggerStatus = TriggerStatus.REQUIRED


class TriggerChoice(StrEnum):
    """Which triggers a composition takes in."""

    NONE = "none"
    REQUIRED = "required"
    ALL = "all"

    def of(self, triggers: Iterable[Trigger]) -> tuple[str, ...]:
        """The texts of the chosen triggers, in their order."""
        if self is TriggerChoice.NONE:
            return ()
        return tuple(t.text for t in triggers if self is TriggerChoice.ALL or t.status is TriggerStatus.REQUIRED)
