"""The machine's clock."""

import time
from datetime import UTC, datetime

from lora_manager.ports.clock import Clock


class SystemClock(Clock):
    """Tells the time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def elapsed(self) -> float:
        return time.perf_counter()
