"""The time."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; the value MUST be timezone-aware and in UTC."""

    @abstractmethod
    def now(self) -> datetime: ...
