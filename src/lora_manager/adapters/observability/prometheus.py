"""What happens, counted and measured for Prometheus."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from lora_manager import __version__
from lora_manager.adapters.observability.durations import Durations, Spread
from lora_manager.adapters.observability.gauges import gauges_of
from lora_manager.adapters.observability.labels import NO_ROUTE, error_of, method_of
from lora_manager.domain.delivery import Mode
from lora_manager.domain.events import Event, EventName
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.metrics import Figures, Metrics

# Upper bounds in seconds. A composition takes a fifth of a millisecond; an answer one to some hundred, an upload more;
# a delivery to a runtime that draws images minutes, and longer where it is tried again.
COMPOSING_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
ANSWERING_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
DELIVERING_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)

_ERRORS_BEGIN = 400  # Source: RFC 9110, section 15
_OUTCOMES = {
    EventName.DELIVERY_COMPLETED: "succeeded",
    EventName.DELIVERY_FAILED: "failed",
    EventName.DELIVERY_CANCELLED: "cancelled",
}


class _Answers(NamedTuple):
    """What counts the answers to one method at one route with one status."""

    durations: Spread
    errors: Counter | None


class PrometheusMetrics(Metrics, EventLog, Collector):
    """Counts and measures what this process does, from the answers and the events that it is told.

    It has a registry of its own: what an embedding program counts is left out, and none of ours gets into that.
    """

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        Info("lora_manager_build", "The version that runs", registry=registry).info({"version": __version__})
        self._composing = Durations(
            "compose_seconds", "Composing a prompt, without sending the answer", (), COMPOSING_S, registry
        )
        self._compositions = self._composing.at()
        self._durations = Durations(
            "http_request_duration_seconds",
            "From the arrival of a request to the beginning of its answer",
            ("method", "route", "status"),
            ANSWERING_S,
            registry,
        )
        self._errors = Counter(
            "http_request_errors_total",
            "Requests answered with 4xx or 5xx",
            ("method", "route", "status"),
            registry=registry,
        )
        self._enqueued = Counter(
            "deliveries_enqueued_total",
            "Deliveries accepted, or taken up again by a retry",
            ("mode",),
            registry=registry,
        )
        for mode in Mode:  # so that the first one is an increase, too
            self._enqueued.labels(mode.value)
        self._failed = Counter(
            "deliveries_failed_total", "Deliveries that ended as failed", ("mode", "error"), registry=registry
        )
        self._latency = Histogram(
            "deliveries_latency_seconds",
            "From the acceptance of a delivery to its end",
            ("mode", "outcome"),
            buckets=DELIVERING_S,
            registry=registry,
        )
        self._answers: dict[tuple[str, str, int], _Answers] = {}

    @property
    def media_type(self) -> str:
        return CONTENT_TYPE_PLAIN_0_0_4

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        answers = self._answers.get((method, route, status)) or self._answers_of(method_of(method), route, status)
        answers.durations.note(seconds)
        if answers.errors is not None:
            answers.errors.inc()

    def _answers_of(self, method: str, route: str, status: int) -> _Answers:
        """What counts these answers; kept under names from a small set alone, never under one that a client made up."""
        key = (method, route, status)
        answers = self._answers.get(key)
        if answers is None:
            at = (method, route or NO_ROUTE)
            durations = self._durations.at(*at, f"{status // 100}xx")
            errors = self._errors.labels(*at, str(status)) if status >= _ERRORS_BEGIN else None
            answers = self._answers[key] = _Answers(durations, errors)
        return answers

    def record(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.name is EventName.COMPOSED:
                self._compositions.note(_seconds(event))
            elif event.name is EventName.DELIVERY_ENQUEUED:
                self._enqueued.labels(event.facts["mode"]).inc()
            elif (outcome := _OUTCOMES.get(event.name)) is not None:
                self._count_end(event, outcome)

    def _count_end(self, event: Event, outcome: str) -> None:
        mode = event.facts["mode"]
        self._latency.labels(mode, outcome).observe(_seconds(event))
        if event.name is EventName.DELIVERY_FAILED:
            self._failed.labels(mode, error_of(event.facts.get("error"))).inc()

    def exposition(self, figures: Figures | None) -> bytes:
        return generate_latest(_Gathered([*self.collect(), *gauges_of(figures)]))

    def collect(self) -> Iterator[Metric]:
        """What this process counted, without the times at which each counter began: nobody asks for them."""
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if sample.name != f"{family.name}_created"]
            yield family


class _Gathered(Collector):
    """What was collected already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Sequence[Metric]:
        return self._families


def _seconds(event: Event) -> float:
    """How long it took; a clock that was set back meanwhile makes it 0."""
    return max(float(event.facts["seconds"]), 0.0)
