"""How many inputs the fuzz tests try, and what ends one that hangs."""

import faulthandler
import os
from collections.abc import Iterator
from typing import TextIO

import pytest
from hypothesis import HealthCheck, settings

from tests.fuzz.bounds import HANGS_AFTER_S

_EXAMPLES = os.environ.get("FUZZ_EXAMPLES")

# A long run is to find something new each time, wherever it runs; hostile input is large and slow to make.
settings.register_profile(
    "fuzz",
    settings(),
    max_examples=int(_EXAMPLES or 20),
    derandomize=settings().derandomize and _EXAMPLES is None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="session")
def screen(pytestconfig: pytest.Config) -> Iterator[TextIO]:
    """Where the last words of this process can be read: what pytest captures is lost with it."""
    capturing = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capturing.global_and_fixture_disabled():
        copy = os.dup(2)
    with os.fdopen(copy, "w") as stream:
        yield stream


@pytest.fixture(autouse=True)
def _watchdog(screen: TextIO) -> Iterator[None]:
    """Ends the run where a test hangs, even inside of one call of C that holds the interpreter."""
    examples = int(_EXAMPLES or 0)
    faulthandler.dump_traceback_later(HANGS_AFTER_S + examples, exit=True, file=screen)
    yield
    faulthandler.cancel_dump_traceback_later()
