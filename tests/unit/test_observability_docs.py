"""The documentation names the metrics and events that there are, and the dashboard draws all of ours."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from lora_manager.adapters.observability.prometheus import PrometheusMetrics
from lora_manager.domain.events import Event, EventName
from lora_manager.ports.metrics import Figures

Dashboard = dict[str, Any]

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURES = Figures(
    adapters=0, active=0, pending=0, retrying=0, running=0, waiting_s=0.0, outbox=0, outbox_age_s=0.0
)  # fmt: skip
GENERAL = ("process_", "python_")  # of every program that Prometheus' client library is in
LANGUAGE = {"by", "count", "histogram_quantile", "increase", "max", "min", "rate", "sum", "time", "up"}
CELL = re.compile(r"`([^`]+)`")


@pytest.fixture(scope="module")
def families() -> list[Metric]:
    """All that is exposed once everything has happened."""
    metrics = PrometheusMetrics()
    metrics.answered("GET", "/adapters/{id}", 404, 0.1)
    facts: dict[str, str | int | float] = {"mode": "http", "attempt": 1, "error": "refused", "seconds": 1.0}
    metrics.record([Event(name, datetime(2026, 1, 2, tzinfo=UTC), facts=facts) for name in EventName])
    return list(text_string_to_metric_families(metrics.exposition(FIGURES).decode()))


@pytest.fixture(scope="module")
def dashboard() -> Dashboard:
    read: Dashboard = json.loads((DOCS / "grafana" / "lora-manager.json").read_text())
    return read


def table(page: str, header: str) -> dict[str, list[str]]:
    """The rows of the table below this header, by the name in the first cell."""
    _, _, rest = (DOCS / page).read_text().partition(f"{header}\n")
    rows = [line.strip("| ").split(" | ") for line in rest.split("\n\n")[0].splitlines()[1:]]
    named = {CELL.findall(row[0])[0]: [cell.strip() for cell in row[1:]] for row in rows}
    assert len(named) == len(rows)
    return named


def written(family: Metric) -> str:
    """The name of a family as Prometheus' users write it."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def ours(families: list[Metric]) -> list[Metric]:
    return [family for family in families if not family.name.startswith(GENERAL)]


def labels_of(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def expressions(dashboard: Dashboard) -> Iterator[str]:
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


def names_in(expression: str) -> set[str]:
    """The names of samples that a PromQL expression asks for."""
    bare = re.sub(r'\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|"[^"]*"', " ", expression)
    return set(re.findall(r"[A-Za-z_:][A-Za-z0-9_:]*", bare)) - LANGUAGE


def samples_in(families: list[Metric]) -> set[str]:
    return {sample.name for family in families for sample in family.samples}


def test_every_metric_stands_in_the_documentation_with_its_type_and_labels(families: list[Metric]) -> None:
    documented = table("metrics.md", "| name | type | labels | meaning |")
    told = {name: (cells[0], set(CELL.findall(cells[1]))) for name, cells in documented.items()}
    assert told == {written(family): (family.type, labels_of(family)) for family in ours(families)}


def test_every_event_stands_in_the_documentation_and_no_other() -> None:
    assert sorted(table("events.md", "| event | when | subject | facts |")) == sorted(EventName)


def test_every_expression_of_the_dashboard_asks_for_what_there_is(dashboard: Dashboard, families: list[Metric]) -> None:
    for expression in expressions(dashboard):
        assert names_in(expression) <= samples_in(families), expression
        assert names_in(expression), expression


def test_the_dashboard_draws_every_metric_of_ours(dashboard: Dashboard, families: list[Metric]) -> None:
    drawn = set().union(*map(names_in, expressions(dashboard)))
    missing = [written(family) for family in ours(families) if not drawn & samples_in([family])]
    assert missing == []


def test_labels_in_the_dashboard_are_labels_of_what_it_asks_for(dashboard: Dashboard, families: list[Metric]) -> None:
    of_prometheus = {"instance", "job", "le"}
    for expression in expressions(dashboard):
        asked = [family for family in families if names_in(expression) & samples_in([family])]
        known = set().union(*map(labels_of, asked))
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")}
        assert grouped <= known | of_prometheus, expression


def test_the_dashboard_asks_the_source_that_its_user_chooses(dashboard: Dashboard) -> None:
    sources = [panel["datasource"]["uid"] for panel in dashboard["panels"] if panel["type"] != "row"]
    assert set(sources) == {"${datasource}"}
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_alerts_in_the_documentation_ask_for_what_there_is(families: list[Metric]) -> None:
    alerts = re.findall(r"expr: (.+)", (DOCS / "metrics.md").read_text())
    assert len(alerts) > 5
    for expression in alerts:
        assert names_in(expression) <= samples_in(families), expression
