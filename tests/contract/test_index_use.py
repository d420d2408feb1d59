"""What has to be quick with 10,000 LoRAs finds its rows by an index; SQLite tells how it would go about a query."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import sqlite

from lora_manager.adapters.database import listing, lookups
from lora_manager.adapters.database.paths import at_paths
from lora_manager.adapters.database.tables import adapters
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
