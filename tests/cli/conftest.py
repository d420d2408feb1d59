"""What the tests of the command line share."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.workplace import Workplace


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """An empty library, in the working directory."""
    (tmp_path / "loras").mkdir()
    monkeypatch.chdir(tmp_path)
    return Workplace(tmp_path)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command sets up logging for its process, which here is that of all tests."""
    loggers = (logging.getLogger(), logging.getLogger("lora_manager"))
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
