"""Events as log lines."""

import logging
from collections.abc import Sequence

from lora_manager.domain.events import Event
from lora_manager.ports.event_log import EventLog

EVENTS = "lora_manager.events"  # the logger
EVENT_ATTRIBUTES = ("event", "subject", "fields", "facts")  # of each of its records

_logger = logging.getLogger(EVENTS)


class LoggingEventLog(EventLog):
    """One line for each event: its name, the id it is about, the fields that changed.

    Each is an attribute of the record, too, for whoever formats it, with the event's facts beside them.
    """

    def record(self, events: Sequence[Event]) -> None:
        if not _logger.isEnabledFor(logging.INFO):
            return
        for event in events:
            name = event.name.value
            subject = None if event.subject is None else str(event.subject)
            message = " ".join(filter(None, (name, subject, ",".join(event.fields))))
            told = {"event": name, "subject": subject, "fields": event.fields, "facts": dict(event.facts)}
            # As _logger.info does, without looking for the line of code that called, which takes as long as all else.
            _logger.handle(_logger.makeRecord(_logger.name, logging.INFO, __file__, 0, message, (), None, extra=told))
