"""What Prometheus is told."""

import ast
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import prometheus_client
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from lora_manager import __version__
from lora_manager.adapters.observability.event_logs import EventLogs
from lora_manager.adapters.observability.labels import ERROR_CODES, METHODS
from lora_manager.adapters.observability.prometheus import PrometheusMetrics
from lora_manager.domain.delivery import DispatchFailed, Mode
from lora_manager.domain.events import Event, EventName
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.metrics import Figures
from tests.contract.examples import LEASE, NOW, a_delivery, claimed

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SOURCES = Path(__file__).resolve().parents[4] / "src" / "lora_manager"
FIGURES = Figures(
    adapters=9, active=4, pending=3, retrying=2, running=1, waiting_s=12.5, outbox=5, outbox_age_s=7.25
)  # fmt: skip

Sample = tuple[str, frozenset[tuple[str, str]]]


def told(metrics: PrometheusMetrics, figures: Figures | None = FIGURES) -> dict[Sample, float]:
    """Every sample of the exposition."""
    families: Iterable[Metric] = text_string_to_metric_families(metrics.exposition(figures).decode())
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


@contextmanager
def tracing_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def at(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def composed(seconds: float) -> Event:
    return Event(EventName.COMPOSED, AT, facts={"seconds": seconds, "adapters": 2, "dialect": "a1111", "warnings": 0})


def test_it_is_told_in_the_text_format_that_every_prometheus_reads() -> None:
    assert PrometheusMetrics().media_type == "text/plain; version=0.0.4; charset=utf-8"


def test_answers_are_measured_by_method_route_and_class_of_status() -> None:
    metrics = PrometheusMetrics()
    for status, seconds in ((200, 0.004), (201, 0.2), (304, 0.001), (500, 100.0)):
        metrics.answered("GET", "/adapters/{id}", status, seconds)
    found = told(metrics)
    name = "http_request_duration_seconds"
    here = {"method": "GET", "route": "/adapters/{id}", "status": "2xx"}
    assert found[at(f"{name}_count", **here)] == 2
    assert found[at(f"{name}_sum", **here)] == pytest.approx(0.204)
    assert found[at(f"{name}_bucket", **here, le="0.005")] == 1
    assert found[at(f"{name}_bucket", **here, le="0.25")] == 2
    assert found[at(f"{name}_count", **{**here, "status": "3xx"})] == 1
    assert found[at(f"{name}_bucket", **{**here, "status": "5xx"}, le="+Inf")] == 1


def test_answers_of_4xx_and_5xx_alone_are_counted_as_errors_by_their_status() -> None:
    metrics = PrometheusMetrics()
    for status in (200, 307, 399, 400, 404, 404, 503):
        metrics.answered("POST", "/compose", status, 0.1)
    errors = {key: value for key, value in told(metrics).items() if key[0] == "http_request_errors_total"}
    here = {"method": "POST", "route": "/compose"}
    assert errors == {
        at("http_request_errors_total", **here, status="400"): 1,
        at("http_request_errors_total", **here, status="404"): 2,
        at("http_request_errors_total", **here, status="503"): 1,
    }


def test_methods_that_clients_make_up_and_paths_that_lead_nowhere_take_no_room() -> None:
    metrics = PrometheusMetrics()
    metrics.answered("other", "", 404, 0.1)
    samples = len(told(metrics))
    with tracing_memory():
        before, _ = tracemalloc.get_traced_memory()
        for number in range(10_000):
            metrics.answered(f"MADE-UP-{number}", "", 404, 0.1)
        after, _ = tracemalloc.get_traced_memory()
    assert after - before < 100_000  # bytes; 10,000 keys would take two million
    found = told(metrics)
    assert len(found) == samples
    assert found[at("http_request_errors_total", method="other", route="none", status="404")] == 10_001


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_there_is_has_its_own_label(method: str) -> None:
    metrics = PrometheusMetrics()
    metrics.answered(method, "/", 200, 0.1)
    assert told(metrics)[at("http_request_duration_seconds_count", method=method, route="/", status="2xx")] == 1


def test_compositions_are_measured() -> None:
    metrics = PrometheusMetrics()
    metrics.record([composed(0.0002), composed(2.0)])
    found = told(metrics)
    assert found[at("compose_seconds_count")] == 2
    assert found[at("compose_seconds_sum")] == pytest.approx(2.0002)
    assert found[at("compose_seconds_bucket", le="0.0001")] == 0
    assert found[at("compose_seconds_bucket", le="0.00025")] == found[at("compose_seconds_bucket", le="1.0")] == 1


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    metrics = PrometheusMetrics()
    metrics.record([composed(-5.0)])
    metrics.record([Event(EventName.DELIVERY_CANCELLED, AT, facts={"mode": "cli", "attempt": 0, "seconds": -5})])
    metrics.answered("GET", "/", 200, -5.0)
    found = told(metrics)
    for name, labels in (
        ("compose_seconds", {}),
        ("deliveries_latency_seconds", {"mode": "cli", "outcome": "cancelled"}),
        ("http_request_duration_seconds", {"method": "GET", "route": "/", "status": "2xx"}),
    ):
        assert (found[at(f"{name}_count", **labels)], found[at(f"{name}_sum", **labels)]) == (1, 0)


def test_a_delivery_is_counted_when_it_is_accepted_and_measured_when_it_ends() -> None:
    metrics = PrometheusMetrics()
    running = claimed(a_delivery())
    metrics.record(a_delivery().accept()[1])
    metrics.record(running.succeed(1, {}, now=NOW + LEASE)[1])
    metrics.record(running.cancel(now=NOW + LEASE)[1])
    found = told(metrics)
    assert found[at("deliveries_enqueued_total", mode="http")] == 1
    for outcome in ("succeeded", "cancelled"):
        here = {"mode": "http", "outcome": outcome}
        assert found[at("deliveries_latency_seconds_count", **here)] == 1
        assert found[at("deliveries_latency_seconds_sum", **here)] == LEASE.total_seconds()
    assert "deliveries_failed_total" not in {name for name, _ in found}


def test_a_delivery_that_failed_is_counted_by_why_and_once_more_when_it_is_taken_up_again() -> None:
    metrics = PrometheusMetrics()
    failure = DispatchFailed("refused", "no", retryable=False)
    failed, events = claimed(a_delivery()).fail(1, failure, now=NOW + LEASE, chance=0.5)
    metrics.record([*events, *failed.retry(now=NOW + LEASE)[1]])
    found = told(metrics)
    assert found[at("deliveries_failed_total", mode="http", error="refused")] == 1
    assert found[at("deliveries_latency_seconds_count", mode="http", outcome="failed")] == 1
    assert found[at("deliveries_enqueued_total", mode="http")] == 1


def test_an_attempt_that_is_tried_again_has_neither_failed_nor_ended() -> None:
    metrics = PrometheusMetrics()
    failure = DispatchFailed("timeout", "slow", retryable=True)
    metrics.record(claimed(a_delivery()).fail(1, failure, now=NOW, chance=0.5)[1])
    names = {name for name, _ in told(metrics)}
    assert not names & {"deliveries_failed_total", "deliveries_latency_seconds_count"}


@pytest.mark.parametrize("mode", Mode)
def test_each_mode_is_counted_from_zero_so_that_the_first_delivery_is_an_increase(mode: Mode) -> None:
    assert told(PrometheusMetrics())[at("deliveries_enqueued_total", mode=mode.value)] == 0


def test_a_code_of_an_error_that_is_not_known_is_other() -> None:
    metrics = PrometheusMetrics()
    failure = DispatchFailed("<made up>", "no", retryable=False)
    metrics.record(claimed(a_delivery()).fail(1, failure, now=NOW, chance=0.5)[1])
    assert told(metrics)[at("deliveries_failed_total", mode="http", error="other")] == 1


def test_every_code_that_ours_give_an_error_is_known_and_no_other() -> None:
    given = {code for path in SOURCES.rglob("*.py") for code in _codes_given(path)}
    assert given == ERROR_CODES


def _codes_given(path: Path) -> Iterator[str]:
    """The codes in calls that make an error, and where one is chosen: ``return code, advice``, ``code = ...``."""
    is_dispatch = path.parent.name == "dispatch"
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name("DispatchFailed" | "DeliveryError"), args=[ast.Constant(str(code)), *_]):
                yield code
            case ast.Return(ast.Tuple([ast.Constant(str(code)), ast.Constant(str())])) if is_dispatch and code:
                yield code
            case ast.Assign([ast.Name("code")], ast.IfExp(_, ast.Constant(str(code)), ast.Constant(str(other)))):
                yield from (code, other)
            case _:
                continue


def test_figures_are_told_as_they_are_then() -> None:
    metrics = PrometheusMetrics()
    found = told(metrics)
    assert found[at("lora_manager_store_up")] == 1
    assert found[at("adapters_count")] == 9
    assert found[at("adapters_active_count")] == 4
    assert found[at("deliveries_queue_depth", status="pending")] == 3
    assert found[at("deliveries_queue_depth", status="retrying")] == 2
    assert found[at("deliveries_queue_depth", status="running")] == 1
    assert found[at("deliveries_oldest_waiting_seconds")] == 12.5
    assert found[at("outbox_depth")] == 5
    assert found[at("outbox_age_seconds")] == 7.25
    assert told(metrics, replace(FIGURES, adapters=10))[at("adapters_count")] == 10


def test_where_the_store_does_not_answer_that_is_told_and_no_figure() -> None:
    metrics = PrometheusMetrics()
    gone = told(metrics).keys() - told(metrics, None).keys()
    assert told(metrics, None)[at("lora_manager_store_up")] == 0
    assert {name for name, _ in gone} == {
        "adapters_count",
        "adapters_active_count",
        "deliveries_queue_depth",
        "deliveries_oldest_waiting_seconds",
        "outbox_depth",
        "outbox_age_seconds",
    }


def test_the_process_the_interpreter_and_the_version_are_told() -> None:
    found = told(PrometheusMetrics())
    assert found[at("lora_manager_build_info", version=__version__)] == 1
    names = {name for name, _ in found}
    assert names >= {"python_info", "python_gc_collections_total"}
    assert not [name for name in names if name.endswith("_created")]


def test_each_has_a_registry_of_its_own_and_leaves_that_of_the_process_alone() -> None:
    def names() -> set[str]:
        return {family.name for family in prometheus_client.REGISTRY.collect()}

    before = names()
    one, other = PrometheusMetrics(), PrometheusMetrics()
    one.record([composed(0.1)])
    assert told(other)[at("compose_seconds_count")] == 0
    assert names() == before


def test_events_are_told_to_each_log_in_turn() -> None:
    class Told(EventLog):
        def __init__(self, name: str) -> None:
            self._name = name

        def record(self, events: Sequence[Event]) -> None:
            heard.append((self._name, *(event.name for event in events)))

    heard: list[tuple[str, ...]] = []
    EventLogs([Told("a"), Told("b")]).record([composed(0.1), Event(EventName.SCANNED, AT)])
    assert heard == [("a", "compose.request", "library.scanned"), ("b", "compose.request", "library.scanned")]
