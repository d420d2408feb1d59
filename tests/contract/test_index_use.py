"""What has to be quick with 10,000 LoRAs, or with millions of deliveries that ended, finds its rows by an index.

SQLite tells how it would go about a query.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import sqlite

from lora_manager.adapters.database import delivery_catalog, due, figures, listing, lookups, publication_catalog
from lora_manager.adapters.database.paths import at_paths
from lora_manager.adapters.database.publications import DUE
from lora_manager.adapters.database.tables import adapters, deliveries
from lora_manager.domain.delivery import Mode, Status
from lora_manager.domain.selection import Cursor, Order, OrderField, Selection
from tests.contract.examples import a_lora, a_record
from tests.contract.stores import NewUrl

Plan = list[str]


@pytest.fixture
def connection(new_url: NewUrl) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(new_url("sqlite").removeprefix("sqlite:///"))) as connection:
        yield connection


def plan_of(connection: sqlite3.Connection, query: Select[tuple[object, ...]]) -> Plan:
    compiled = query.compile(dialect=sqlite.dialect(paramstyle="named"), compile_kwargs={"render_postcompile": True})
    steps = connection.execute(f"EXPLAIN QUERY PLAN {compiled}", defaultdict[str, None](lambda: None))
    return [step[-1] for step in steps]


@pytest.mark.parametrize("behind", [False, True], ids=["first page", "behind a cursor"])
@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("field", OrderField)
def test_every_order_of_a_listing_is_walked_along_an_index(
    connection: sqlite3.Connection, field: OrderField, descending: bool, behind: bool
) -> None:
    order = Order(field, descending)
    cursor = Cursor.behind(a_lora(file=a_record()), order) if behind else None
    lookup = listing.page(Selection(order=order, cursor=cursor), listing.NO_FILTERS)
    (step,) = plan_of(connection, lookup.query)
    assert step.startswith(f"{'SEARCH' if behind else 'SCAN'} adapters USING INDEX ix_adapters_by_{field}")


def test_the_active_loras_are_found_among_the_active_ones_only(connection: sqlite3.Connection) -> None:
    assert plan_of(connection, lookups.ACTIVE_LORAS.query) == ["SCAN adapters USING INDEX ix_adapters_active"]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lookups.held_by("id", [a_lora().id])[0].query, "sqlite_autoindex_adapters_1 (id=?)"),
        (lookups.held_by("name", ["ink", "wash"])[0].query, "(name=?)"),
        (lookups.whole([a_lora().id])[0].query, "sqlite_autoindex_adapters_1 (id=?)"),
        (select(adapters.c.id).where(adapters.c.sha256.in_(["a", "b"])), "ix_adapters_sha256 (sha256=?)"),
        (select(adapters.c.id).where(at_paths(["/a", "/b"])), "ix_adapters_path_head (<expr>=?)"),
        (lookups.known_files("/loras"), "ix_adapters_path_head (<expr>>? AND <expr><?)"),
        (listing.total(listing.NO_FILTERS._replace(tags=("ink",)).shape), "ix_adapter_tags_tag_adapter_id (tag=?)"),
    ],
    ids=["id", "name", "whole", "sha256", "path", "folder", "tag"],
)
def test_a_look_up_searches_an_index(
    connection: sqlite3.Connection, query: Select[tuple[object, ...]], index: str
) -> None:
    plan = plan_of(connection, query)
    assert any(index in step for step in plan), plan
    assert not any(step.startswith("SCAN adapters") for step in plan), plan


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (due.unlimited_due(only=False), {"ix_deliveries_due (due_at<?)"}),
        (
            due.runtimes(only=False, locked=False),
            {
                "ix_deliveries_due_by_runtime (runtime>?)",
                "ix_deliveries_due_by_runtime (runtime=? AND due_at>?)",
                "ix_deliveries_leased (runtime=? AND lease_until>?)",
            },
        ),
        (due.running(["gpu:1", "gpu:2"])[0], {"ix_deliveries_leased (runtime=? AND lease_until>?)"}),
        (
            due.limited_due({"gpu:1": 1, "gpu:2": 2}, only=False)[0],
            {"ix_deliveries_due_by_runtime (runtime=? AND due_at<?)", "sqlite_autoindex_deliveries_1 (id=?)"},
        ),
        (
            select(deliveries.c.id).where(deliveries.c.idempotency_key == "key"),
            {"uq_deliveries_idempotency_key (idempotency_key=?)"},
        ),
        (delivery_catalog.ONE, {"sqlite_autoindex_deliveries_1 (id=?)"}),
        (delivery_catalog.WAITING, {"ix_deliveries_status_mode_id (status=?)"}),
        (delivery_catalog.revisions(8), {"sqlite_autoindex_deliveries_1 (id=?)"}),
        (delivery_catalog.page(frozenset(), frozenset(), behind=False), {"sqlite_autoindex_deliveries_1"}),
        (delivery_catalog.page(frozenset(), frozenset(), behind=True), {"sqlite_autoindex_deliveries_1 (id<?)"}),
        (
            delivery_catalog.page(frozenset({Status.FAILED}), frozenset(), behind=False),
            {"ix_deliveries_status_mode_id (status=? AND mode=?)", "sqlite_autoindex_deliveries_1 (id=?)"},
        ),
        (
            delivery_catalog.page(frozenset(), frozenset({Mode.CLI}), behind=True),
            {"ix_deliveries_status_mode_id (status=? AND mode=? AND id<?)", "sqlite_autoindex_deliveries_1 (id=?)"},
        ),
    ],
    ids=[
        "due",
        "runtimes",
        "running",
        "limited",
        "key",
        "one",
        "waiting",
        "revisions",
        "first",
        "behind",
        "status",
        "mode",
    ],
)
def test_deliveries_are_found_by_indexes_alone(
    connection: sqlite3.Connection, query: Select[tuple[object, ...]], indexes: set[str]
) -> None:
    steps = [step for step in plan_of(connection, query) if " deliveries" in step]
    assert {step.split("INDEX ")[-1] for step in steps} == indexes


@pytest.mark.parametrize(
    ("query", "step"),
    [
        (DUE, "SEARCH publications USING INDEX ix_publications_due (due_at<?)"),
        (publication_catalog.BACKLOG, "SEARCH publications USING INDEX ix_publications_due (due_at>?)"),
        (publication_catalog.of(8), "SEARCH publications USING INDEX sqlite_autoindex_publications_1 (adapter_id=?)"),
        (publication_catalog.FIRST_PAGE, "SCAN publications USING INDEX sqlite_autoindex_publications_1"),
        (
            publication_catalog.NEXT_PAGE,
            "SEARCH publications USING INDEX sqlite_autoindex_publications_1 (adapter_id>?)",
        ),
    ],
    ids=["due", "backlog", "of", "first", "next"],
)
def test_publications_are_found_by_one_index(
    connection: sqlite3.Connection, query: Select[tuple[object, ...]], step: str
) -> None:
    assert plan_of(connection, query) == [step]


def test_figures_are_counted_along_indexes_alone(connection: sqlite3.Connection) -> None:
    steps = [step for step in plan_of(connection, figures.FIGURES) if step.startswith(("SCAN", "SEARCH"))]
    assert steps.pop(0) == "SCAN CONSTANT ROW"
    assert all(" INDEX ix_" in step for step in steps), steps
    assert {step.split("INDEX ")[-1] for step in steps if " adapters" not in step} == {
        "ix_deliveries_status_mode_id (status=?)",
        "ix_deliveries_due (due_at>?)",
        "ix_deliveries_due_by_runtime (runtime>?)",
        "ix_publications_due (due_at>?)",
    }
