"""The time."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and how much of it went by."""

    @abstractmethod
    def now(self) -> datetime:
        """The time; MUST be timezone-aware and in UTC."""

    @abstractmethod
    def elapsed(self) -> float:
        """Seconds since some moment; MUST NOT go back when the clock is set."""
