"""Events told to several."""

from collections.abc import Sequence

from lora_manager.domain.events import Event
from lora_manager.ports.event_log import EventLog


class EventLogs(EventLog):
    """Tells each of these logs, in this order."""

    def __init__(self, logs: Sequence[EventLog]) -> None:
        self._logs = tuple(logs)

    def record(self, events: Sequence[Event]) -> None:
        for log in self._logs:
            log.record(events)
