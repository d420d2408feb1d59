"""Where log lines go, and which are heard."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest

from lora_manager.adapters.observability.logs import set_up_logging

OURS, THEIRS = logging.getLogger("lora_manager.app"), logging.getLogger("some.library")
LOADED = """
import logging, sys
from lora_manager.adapters.observability.logs import set_up_logging
set_up_logging("json", "{level}")
{then}
print(*sorted({{"structlog", "prometheus_client"}} & set(sys.modules)))
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Setting up logging is for the whole process, which here is that of all tests."""
    loggers = (logging.getLogger(), logging.getLogger("lora_manager"))
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    for logger in loggers:
        logger.handlers.clear()  # basicConfig would close those of pytest
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        ("debug", ["debug", "info", "warning", "error"], ["warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["error"]),
    ],
)
def test_our_lines_are_heard_from_the_level_on_and_those_of_libraries_from_warning_on(
    level: str, ours: list[str], theirs: list[str]
) -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        set_up_logging("json", level)
        for logger in (OURS, THEIRS):
            for name in ("debug", "info", "warning", "error"):
                logger.log(logging.getLevelNamesMapping()[name.upper()], name)
    lines = [json.loads(line) for line in stderr.getvalue().splitlines()]
    assert [line["message"] for line in lines if line["logger"] == OURS.name] == ours
    assert [line["message"] for line in lines if line["logger"] == THEIRS.name] == theirs


def test_lines_go_to_what_stderr_is_by_then() -> None:
    with redirect_stderr(io.StringIO()) as stderr:
        set_up_logging("console", "info")
        with redirect_stderr(io.StringIO()) as bar:
            OURS.info("beside the bar")
        OURS.info("alone")
    assert "beside the bar" in bar.getvalue()
    assert "alone" in stderr.getvalue()
    assert "beside" not in stderr.getvalue()


def test_a_line_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.raiseExceptions", False)
    with redirect_stderr(io.StringIO()) as stderr:
        set_up_logging("json", "info")
        stderr.close()
        OURS.info("to nobody")


@pytest.mark.parametrize(
    ("stream", "environment", "has_colours"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
    ],
    ids=["terminal", "NO_COLOR", "empty NO_COLOR", "dumb terminal", "file"],
)
def test_colours_are_for_a_terminal_whose_user_did_not_ask_for_none(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], environment: dict[str, str], has_colours: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with redirect_stderr(stream()) as shown:
        set_up_logging("console", "info")
        OURS.info("said")
    assert ("\x1b[" in shown.getvalue()) is has_colours


@pytest.mark.parametrize(
    ("level", "then", "loaded"),
    [
        ("warning", "", ""),
        ("warning", "logging.getLogger('lora_manager').warning('said')", "structlog"),
        ("info", "", "structlog"),
    ],
    ids=["no line", "a line", "lines to come"],
)
def test_structlog_is_loaded_by_whoever_has_lines_to_write(level: str, then: str, loaded: str) -> None:
    probe = [sys.executable, "-c", LOADED.format(level=level, then=then)]
    assert subprocess.run(probe, capture_output=True, text=True, check=True).stdout.strip() == loaded
