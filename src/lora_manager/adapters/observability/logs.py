"""Log lines: where they go, and which are heard."""

import logging
import os
import sys
from functools import cached_property

OURS = "lora_manager"


class StderrHandler(logging.Handler):
    """Writes to what stderr is at the time: while a progress bar is drawn, that is the bar, which keeps lines apart."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stderr = sys.stderr
            stderr.write(f"{self.format(record)}\n")
            stderr.flush()
        except Exception:  # noqa: BLE001  # logging must not end what it tells of; handleError says what happened
            self.handleError(record)


class LateFormatter(logging.Formatter):
    """Loads structlog, which takes some 60 ms, with the first line: most commands write none.

    :param log_format: ``console`` or ``json``
    :param has_colours: of ``console`` alone
    """

    def __init__(self, log_format: str, *, has_colours: bool) -> None:
        super().__init__()
        self._log_format = log_format
        self._has_colours = has_colours

    def format(self, record: logging.LogRecord) -> str:
        return self._formatter.format(record)

    def load(self) -> None:
        """Load structlog now."""
        _ = self._formatter

    @cached_property
    def _formatter(self) -> logging.Formatter:
        from lora_manager.adapters.observability.lines import formatter_of  # noqa: PLC0415  # see the class

        return formatter_of(self._log_format, has_colours=self._has_colours)


def set_up_logging(log_format: str, log_level: str) -> None:
    """Send every log line of this process to stderr; :mod:`lora_manager.adapters.observability.lines` writes them.

    :param log_format: ``console`` or ``json``
    :param log_level: ``debug``, ``info``, ``warning`` or ``error``; libraries below warning are never heard
    """
    level = logging.getLevelNamesMapping()[log_level.upper()]
    formatter = LateFormatter(log_format, has_colours=_wants_colours())
    handler = StderrHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, level), force=True)
    logging.getLogger(OURS).setLevel(level)
    if level <= logging.INFO:
        formatter.load()  # there will be lines: no request is to wait for it


def _wants_colours() -> bool:
    """Whether somebody looks on who did not ask for none. Source: https://no-color.org."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
