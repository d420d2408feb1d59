"""The registry in numbers, as gauges; they are made when they are asked for, and each server tells the same."""

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from lora_manager.ports.metrics import Figures


def gauges_of(figures: Figures | None) -> Iterator[Metric]:
    """The gauges of these figures; without any, the one that says so.

    :param figures: None where the store does not answer
    """
    yield _gauge("lora_manager_store_up", "Whether the registry's store answered just now: 1 or 0", figures is not None)
    if figures is None:
        return
    yield _gauge("adapters_count", "LoRAs registered, without those deleted", figures.adapters)
    yield _gauge("adapters_active_count", "LoRAs that are active", figures.active)
    depth = GaugeMetricFamily("deliveries_queue_depth", "Deliveries that have not ended", labels=("status",))
    depth.add_metric(("pending",), figures.pending)
    depth.add_metric(("retrying",), figures.retrying)
    depth.add_metric(("running",), figures.running)
    yield depth
    yield _gauge(
        "deliveries_oldest_waiting_seconds", "How long the longest waiting delivery has been due", figures.waiting_s
    )
    yield _gauge("outbox_depth", "Metadata documents that wait to be published", figures.outbox)
    yield _gauge("outbox_age_seconds", "How long the longest waiting document has waited", figures.outbox_age_s)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
