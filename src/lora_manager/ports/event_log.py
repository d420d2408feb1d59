"""Where events are told."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from lora_manager.domain.events import Event


class EventLog(Protocol):
    """Takes note of events after what they tell of was committed; it MUST NOT raise."""

    @abstractmethod
    def record(self, events: Sequence[Event]) -> None: ...
