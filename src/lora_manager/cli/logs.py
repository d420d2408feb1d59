"""Log lines: what they look like and where they go."""

import json
import logging
from datetime import UTC, datetime

import click

_EVENT_FACTS = ("event", "subject", "fields")  # what LoggingEventLog adds to a record


class StderrHandler(logging.Handler):
    """Writes to what stderr is at the time: while a progress bar is drawn, that is the bar, which keeps lines apart."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            click.echo(self.format(record), err=True)
        except Exception:  # noqa: BLE001  # logging must not end what it tells of; handleError says what happened
            self.handleError(record)


class JsonFormatter(logging.Formatter):
    """One JSON object for each line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for fact in _EVENT_FACTS:
            if (value := getattr(record, fact, None)) is not None:
                line[fact] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logging(log_format: str, log_level: str) -> None:
    """Send every log line of this process to stderr.

    :param log_format: ``console`` or ``json``
    :param log_level: ``debug``, ``info``, ``warning`` or ``error``; libraries below warning are never heard
    """
    console = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else console)
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, _level(log_level)), force=True)
    logging.getLogger("lora_manager").setLevel(_level(log_level))


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]
