"""Who takes note of what happens."""

from dataclasses import dataclass

from lora_manager.adapters.observability.event_logs import EventLogs
from lora_manager.adapters.observability.logging_event_log import LoggingEventLog
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.metrics import Metrics, NoMetrics


@dataclass(frozen=True, slots=True)
class Observed:
    """Where events are told, and what counts them."""

    log: EventLog
    metrics: Metrics


def observe(*, is_measured: bool) -> Observed:
    """The log, and the metrics where somebody fetches them: most commands start sooner without."""
    log = LoggingEventLog()
    if not is_measured:
        return Observed(log, NoMetrics())
    from lora_manager.adapters.observability.prometheus import PrometheusMetrics

    metrics = PrometheusMetrics()
    return Observed(EventLogs([log, metrics]), metrics)
