"""Who traces nothing pays nothing for it; who wants traces is told what is missing."""

import subprocess
import sys

import pytest

from lora_manager.container.tracing import open_tracing
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.tracing import NoTracer
from lora_manager.ports.trail import following, trail
from lora_manager.settings import Settings, load_settings
from tests.contract.spans import PARENT, SPAN, TRACE
from tests.standins.collector import collecting

COLLECTOR = "http://127.0.0.1:4318"
PROBE = """
import asyncio, sys
from lora_manager.container.tracing import open_tracing
from lora_manager.settings import load_settings

async def main():
    async with open_tracing(load_settings({environment})):
        print(*sorted(name for name in sys.modules if name.startswith("opentelemetry.sdk.")))

asyncio.run(main())
"""


def wanting(endpoint: str) -> Settings:
    return load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})


async def test_without_a_collector_nothing_is_traced() -> None:
    async with open_tracing(load_settings({})) as tracer:
        assert isinstance(tracer, NoTracer)


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR}])
def test_before_the_first_span_opentelemetry_is_not_loaded(environment: dict[str, str]) -> None:
    probe = [sys.executable, "-c", PROBE.format(environment=environment)]
    assert subprocess.run(probe, capture_output=True, text=True, check=True).stdout.split() == []


async def test_what_was_not_sent_yet_is_sent_at_the_end() -> None:
    async with collecting() as collector:
        async with open_tracing(wanting(collector.url)) as tracer:
            with following({"traceparent": PARENT}), tracer.span("request"), tracer.span("work", size=3):
                assert trail()["traceparent"].startswith(f"00-{TRACE}-")
            assert collector.spans == []
        work, request = collector.spans
    assert (request.trace_id, request.parent_id) == (TRACE, SPAN)
    assert (work.trace_id, work.parent_id, work.about) == (TRACE, request.span_id, {"size": 3})


@pytest.mark.parametrize("missing", ["opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry"])
async def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [name for name in sys.modules if name == missing or name.startswith(f"{missing}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InvalidInput, match=r"OTEL_EXPORTER_OTLP_ENDPOINT needs more: pip .*\[server,otel\]"):
        await open_tracing(wanting(COLLECTOR)).__aenter__()


async def test_a_variable_that_opentelemetry_refuses_stops_no_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    async with open_tracing(wanting(COLLECTOR)) as tracer:
        for _ in range(2):
            with following({"traceparent": PARENT}), tracer.span("work"):
                assert trail() == {"traceparent": PARENT}
    assert caplog.text.count("nothing is traced") == 1
