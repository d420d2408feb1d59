"""Histograms of what happens thousands of times a second.

Each observation of Prometheus' own takes seven calls and two locks; here it takes one search among the bounds. Only one
thread observes, and whoever reads meanwhile may miss the last observation.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Spread:
    """How many observations lay between which bounds, and their sum.

    :param bounds: upper ones, in seconds, rising
    """

    __slots__ = ("_bounds", "counts", "total_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_s = 0.0

    def note(self, seconds: float) -> None:
        """One more; a clock that was set back counts as no time."""
        if seconds > 0:
            self.total_s += seconds
        self.counts[bisect_left(self._bounds, seconds)] += 1


class Durations(Collector):
    """A histogram, by labels.

    :param bounds: upper ones, in seconds, rising
    """

    def __init__(
        self, name: str, meaning: str, labels: Sequence[str], bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._meaning = meaning
        self._labels = labels
        self._bounds = bounds
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def at(self, *values: str) -> Spread:
        """What is observed under these values of the labels."""
        return self._spreads.setdefault(values, Spread(self._bounds))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What was observed so far."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        ends = [*map(floatToGoString, self._bounds), "+Inf"]
        for values, spread in self._spreads.copy().items():
            buckets = list(zip(ends, accumulate(spread.counts), strict=True))
            family.add_metric(values, buckets, spread.total_s)
        yield family
