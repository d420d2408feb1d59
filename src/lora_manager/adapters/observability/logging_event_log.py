"""Events as log lines."""

import logging
from collections.abc import Sequence

from lora_manager.domain.events import Event
from lora_manager.ports.event_log import EventLog

_logger = logging.getLogger("lora_manager.events")


class LoggingEventLog(EventLog):
    """One line for each event: its name, the id it is about, the fields that changed; each also as an attribute."""

    def record(self, events: Sequence[Event]) -> None:
        if not _logger.isEnabledFor(logging.INFO):
            return
        for event in events:
            facts = {"event": event.name.value, "subject": event.subject and str(event.subject), "fields": event.fields}
            _logger.info("%s %s %s", event.name, event.subject or "-", ",".join(event.fields), extra=facts)
