"""The tables come, change and go by migrations alone, all or nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import Column, Connection, MetaData, Text, insert, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database import delivery_rows, publication_rows
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.migrate import (
    NEWEST_REVISION,
    DatabaseBehind,
    DatabaseTooNew,
    is_current,
    prepare,
    upgrade,
)
from lora_manager.adapters.database.revisions import alembic_config, known_revisions
from lora_manager.adapters.database.rows import to_row
from lora_manager.adapters.database.tables import adapters, deliveries, metadata, publications
from lora_manager.domain.publication import Publication
from tests.contract.examples import a_delivery, a_lora
from tests.contract.publication_examples import a_change, waiting
from tests.contract.stores import NewUrl, stores_of


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    """A database without tables."""
    async with open_database(empty_url) as database:
        yield database


async def tables_of(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        return set(await connection.run_sync(lambda synchronous: inspect(synchronous).get_table_names()))


async def run(database: Database, work: str, revision: str) -> None:
    """Run one of Alembic's commands and commit."""

    def synchronous(connection: Connection) -> None:
        getattr(command, work)(alembic_config(connection), revision)

    async with database.writing() as connection:
        await connection.run_sync(synchronous)
        await connection.commit()


def test_the_newest_revision_is_the_one_that_is_looked_for() -> None:
    assert known_revisions()[0] == NEWEST_REVISION


async def test_an_empty_database_is_behind_and_current_after_the_upgrade(empty: Database) -> None:
    assert not await is_current(empty)
    await upgrade(empty)
    assert await is_current(empty)
    await upgrade(empty)
    assert await tables_of(empty) == {*metadata.tables, "alembic_version"}


async def test_a_database_that_is_behind_is_migrated_only_where_that_is_allowed(empty: Database) -> None:
    with pytest.raises(DatabaseBehind, match="lora-manager migrate"):
        await prepare(empty, auto_migrate=False)
    assert await tables_of(empty) == set()
    await prepare(empty, auto_migrate=True)
    await prepare(empty, auto_migrate=False)


async def test_a_database_of_a_later_release_is_refused(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.commit()
    for asking in (is_current(database), upgrade(database), prepare(database, auto_migrate=True)):
        with pytest.raises(DatabaseTooNew, match=r"9999.*update lora-manager"):
            await asking


async def test_what_is_stored_survives_another_upgrade(database: Database) -> None:
    lora = a_lora()
    async with stores_of(database) as stores:
        await stores.add(lora)
        await upgrade(database)
        assert await stores.catalog.get(lora.id) == lora


async def test_migrations_lead_up_down_and_up_again(empty: Database) -> None:
    await run(empty, "upgrade", "head")
    await run(empty, "downgrade", "base")
    assert await tables_of(empty) == {"alembic_version"}
    await run(empty, "upgrade", "head")
    assert await is_current(empty)


@pytest.mark.parametrize("revision", ["0001", "0002"])
async def test_an_older_database_gets_what_it_lacks_and_keeps_what_it_holds(empty: Database, revision: str) -> None:
    lora, delivery = a_lora(), a_delivery()
    publication = Publication.of(a_change(lora.id))
    await run(empty, "upgrade", revision)
    old = adapters.to_metadata(MetaData())
    old.append_column(Column("publication", Text, nullable=False))
    async with empty.writing() as connection:
        await connection.execute(insert(old), to_row(lora) | {"publication": '{"state":"off"}'})
        await connection.commit()
    await prepare(empty, auto_migrate=True)
    async with stores_of(empty) as stores:
        await stores.accept(delivery)
        await stores.publish(publication)
        assert await stores.catalog.get(lora.id) == lora
        assert await stores.deliveries.get(delivery.id) == delivery
        assert await stores.publications.of([lora.id]) == {lora.id: publication}


async def test_what_waited_before_there_were_trails_still_waits_and_has_none(empty: Database) -> None:
    delivery, publication = a_delivery(), waiting()
    rows = {deliveries: delivery_rows.to_row(delivery), publications: publication_rows.to_row(publication)}
    await run(empty, "upgrade", "0003")
    async with empty.writing() as connection:
        for table, row in rows.items():
            await connection.execute(insert(table).values({name: row[name] for name in row.keys() - {"trail"}}))
        await connection.commit()
    await prepare(empty, auto_migrate=True)
    async with stores_of(empty) as stores:
        assert await stores.deliveries.get(delivery.id) == delivery
        assert await stores.publications.of([publication.lora_id]) == {publication.lora_id: publication}


async def test_what_was_migrated_down_keeps_its_deliveries_without_their_trails(database: Database) -> None:
    delivery = a_delivery(trail={"request_id": "1"})
    async with stores_of(database) as stores:
        await stores.accept(delivery)
        await run(database, "downgrade", "0003")
        await run(database, "upgrade", "head")
        assert await stores.deliveries.get(delivery.id) == replace(delivery, trail={})


async def test_what_was_migrated_down_keeps_its_adapters(database: Database) -> None:
    lora = a_lora()
    async with stores_of(database) as stores:
        await stores.add(lora)
        await run(database, "downgrade", "0002")
        async with database.engine.connect() as connection:
            assert list(await connection.execute(text("SELECT publication FROM adapters"))) == [("{}",)]
        await run(database, "upgrade", "head")
        assert await stores.catalog.get(lora.id) == lora


async def test_a_migration_that_fails_leaves_nothing_behind(empty: Database) -> None:
    async with empty.writing() as connection:
        await connection.execute(text("CREATE TABLE scans (in_the_way INTEGER)"))
        await connection.commit()
    with pytest.raises(Exception, match="scans"):
        await upgrade(empty)
    assert await tables_of(empty) == {"scans"}
    async with empty.writing() as connection:
        await connection.execute(text("DROP TABLE scans"))
        await connection.commit()
    await upgrade(empty)
    assert await is_current(empty)


async def test_of_four_upgrades_at_once_one_does_it_and_all_succeed(empty_url: str) -> None:
    async def one() -> bool:
        async with open_database(empty_url) as database:
            await upgrade(database)
            return await is_current(database)

    assert await asyncio.gather(*(one() for _ in range(4))) == [True] * 4


SCHEMA = {
    "sqlite": """
        SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
        FROM sqlite_master t, pragma_table_xinfo(t.name) c WHERE t.type = 'table';
        SELECT t.name, f."from", f."table", f."to" FROM sqlite_master t, pragma_foreign_key_list(t.name) f;
        SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL
    """,
    "postgresql": """
        SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, generation_expression
        FROM information_schema.columns WHERE table_schema = 'public';
        SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public';
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
}


async def schema_of(connection: AsyncConnection) -> list[str]:
    """Every column, index and constraint, in the database's own words."""
    queries = SCHEMA[connection.dialect.name].split(";")
    return sorted([str(row) for query in queries for row in await connection.execute(text(query))])


@pytest.mark.parametrize("system", ["sqlite", "postgresql"])
async def test_the_migrations_make_the_tables_that_the_code_describes(new_url: NewUrl, system: str) -> None:
    async with open_database(new_url(system, migrated=False)) as migrated:
        await run(migrated, "upgrade", "head")
        async with migrated.writing() as connection:
            by_migrations = await schema_of(connection)
    async with open_database(new_url(system, migrated=False)) as created:
        await upgrade(created)
        async with created.writing() as connection:
            by_code = await schema_of(connection)
    assert by_migrations == by_code
    assert len(by_code) >= sum(len(table.columns) + len(table.indexes) for table in metadata.sorted_tables)


async def test_postgresql_compares_text_by_code_point_whatever_language_the_server_speaks(new_url: NewUrl) -> None:
    query = "SELECT column_name, collation_name FROM information_schema.columns WHERE table_schema = 'public'"
    async with open_database(new_url("postgresql")) as database, database.engine.connect() as connection:
        collations = {(name, collation) for name, collation in await connection.execute(text(query))}
    assert collations >= {(name, "C") for name in ("name", "version", "tag", "file_path", "search_text", "base_model")}
