"""What a log line looks like: one JSON object, or one line for people.

A line holds the message, what :class:`~lora_manager.adapters.observability.logging_event_log.LoggingEventLog` adds to
it, and the ids of ``trail()`` as they are when the line is made. docs/events.md lists them for users.
"""

import json
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, format_exc_info
from structlog.typing import Processor

from lora_manager.adapters.observability.logging_event_log import EVENT_ATTRIBUTES, EVENTS
from lora_manager.ports.trail import CALLER, DELIVERY_ID, REQUEST_ID, TRACEPARENT, trail

_IDS = (REQUEST_ID, CALLER, DELIVERY_ID)
_TRACE_ID = slice(3, 35)  # of a traceparent: 00-<trace id>-<span id>-<flags>. Source: W3C Trace Context, 3.2
_INDENT = "    "
_encode = json.JSONEncoder(separators=(",", ":")).encode


def formatter_of(log_format: str, *, has_colours: bool) -> logging.Formatter:
    """Writes lines of this format.

    :param log_format: ``console`` or ``json``
    :param has_colours: of ``console`` alone
    """
    if log_format == "json":
        return LineFormatter([format_exc_info, JSONRenderer(serializer=_to_json)])
    console = ConsoleRenderer(
        colors=has_colours,
        event_key="message",
        timestamp_key="time",
        sort_keys=False,
        exception_formatter=plain_traceback,  # the default one shows the values of variables, secrets among them
    )
    return LineFormatter([format_exc_info, for_people, console])


class LineFormatter(logging.Formatter):
    """Makes a line of a record by structlog's processors, the last of which writes it.

    It does the work of structlog's ``ProcessorFormatter``, which first copies every record, in half the time.
    """

    def __init__(self, processors: Sequence[Processor]) -> None:
        super().__init__()
        self._processors = processors

    def format(self, record: logging.LogRecord) -> str:
        line: Any = line_of(record)
        for processor in self._processors:
            line = processor(None, record.levelname, line)
        return str(line)


def line_of(record: logging.LogRecord) -> MutableMapping[str, Any]:
    """What is known of a record, by the names that stand in a line; what there is none of is left out."""
    line: dict[str, Any] = {
        "time": f"{datetime.fromtimestamp(record.created, UTC).isoformat(timespec='milliseconds')[:-6]}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    if record.name == EVENTS:  # a library may mean something else by these names
        line |= {name: value for name in EVENT_ATTRIBUTES if (value := getattr(record, name))}
    if ids := trail():
        for name in _IDS:
            if name in ids:
                line[name] = ids[name]
        if TRACEPARENT in ids:
            line["trace_id"] = ids[TRACEPARENT][_TRACE_ID]
    if record.exc_info:
        line["exc_info"] = record.exc_info
    return line


def for_people(_logger: object, _name: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The line without what its message says already, in which nothing can be taken for a line or drive a terminal."""
    shown = {name: value for name, value in line.items() if name not in EVENT_ATTRIBUTES}
    shown |= line.get("facts", {})
    shown = {name: visible(value) if isinstance(value, str) else value for name, value in shown.items()}
    if "exception" in line:
        # Indented, because an exception may quote what a client sent, and that may look like a line.
        shown["exception"] = "\n".join(f"{_INDENT}{visible(told)}" for told in line["exception"].split("\n"))
    return shown


def visible(text: str) -> str:
    """The text with everything in it that would not show, or would drive the terminal, written as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _to_json(line: object, **_: object) -> str:
    """In ASCII, in which nothing drives a terminal. msgspec, which is ten times as fast, has no way to ask for that."""
    with suppress(UnicodeEncodeError):  # half a character, which msgspec does not write
        if (encoded := msgspec.json.encode(line)).isascii():
            return encoded.decode()
    return _encode(line)
