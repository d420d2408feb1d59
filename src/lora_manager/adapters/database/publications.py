"""Publications inside a transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Executable, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database.columns import Moment
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.inserts import insert_into
from lora_manager.adapters.database.publication_rows import PUBLICATION_COLUMNS, from_row, to_row
from lora_manager.adapters.database.tables import publications
from lora_manager.adapters.database.values import chunked
from lora_manager.domain.publication import Announcement, Publication
from lora_manager.ports.publications import PublicationRepository

_c = publications.c


@cache
def _announcing(system: str) -> Executable:
    """``Publication.announced`` where there is one, ``of`` where there is none."""
    insert = insert_into(publications, system)
    first = insert.excluded
    return insert.on_conflict_do_update(
        index_elements=[_c.adapter_id],
        set_={
            "event": first.event,
            "revision": first.revision,
            "waiting_since": func.coalesce(_c.waiting_since, first.waiting_since),
            "due_at": first.due_at,
            "attempts": first.attempts,
            "trail": first.trail,
        },
        where=first.revision >= _c.revision,
    )


@cache
def _putting(system: str) -> Executable:
    insert = insert_into(publications, system)
    new = {column.name: column for column in insert.excluded if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=[_c.adapter_id], set_=new)


_GET = (
    select(*PUBLICATION_COLUMNS)
    .where(_c.adapter_id.in_(bindparam("ids", expanding=True, type_=_c.adapter_id.type)))
    .order_by(_c.adapter_id)
    .with_for_update()
)
DUE = (
    select(*PUBLICATION_COLUMNS)
    .where(_c.due_at <= bindparam("now", type_=Moment))
    .order_by(_c.due_at, _c.adapter_id)
    .limit(bindparam("limit", type_=BigInteger))
    .with_for_update(skip_locked=True)
)


class SqlPublicationRepository(PublicationRepository):
    """Publications in ``publications``.

    What it read or wrote is locked, as by :class:`~lora_manager.adapters.database.loras.SqlLoraRepository`.

    :param connection: in a transaction that may write
    :param where: the database, for messages
    :param publishes: whether what is announced is kept
    """

    def __init__(self, connection: AsyncConnection, where: object, *, publishes: bool) -> None:
        self._connection = connection
        self._where = where
        self._publishes = publishes
        self._system = connection.dialect.name

    async def announce(self, *news: Announcement) -> None:
        if self._publishes:
            await self._write(_announcing(self._system), map(Publication.of, news))

    async def get(self, *lora_ids: UUID) -> Sequence[Publication]:
        found: dict[UUID, Publication] = {}
        for chunk in chunked(sorted(set(lora_ids))):
            found |= {publication.lora_id: publication for publication in await self._read(_GET, {"ids": chunk})}
        return [found[lora_id] for lora_id in dict.fromkeys(lora_ids) if lora_id in found]

    async def due(self, now: datetime, limit: int) -> Sequence[Publication]:
        return await self._read(DUE, {"now": now, "limit": limit})

    async def put(self, *publications: Publication) -> None:
        await self._write(_putting(self._system), publications)

    async def _write(self, statement: Executable, changed: Iterable[Publication]) -> None:
        """One after another, in the order of their ids, so that two that write the same ones queue up."""
        rows = [to_row(publication) for publication in sorted(changed, key=lambda one: one.lora_id)]
        if rows:
            with translated(self._where):
                await self._connection.execute(statement, rows)

    async def _read(self, query: Select[Any], values: Mapping[str, Any]) -> list[Publication]:
        with translated(self._where):
            return [from_row(row) for row in await self._connection.execute(query, values)]
