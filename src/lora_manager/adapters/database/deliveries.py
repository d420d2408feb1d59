"""Deliveries inside a transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Executable, Select, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database import due
from lora_manager.adapters.database.delivery_rows import DELIVERY_COLUMNS, changing, from_row, to_row
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.inserts import insert_into
from lora_manager.adapters.database.tables import deliveries
from lora_manager.adapters.database.values import chunked
from lora_manager.domain.delivery import Delivery, DeliveryNotFound
from lora_manager.domain.errors import Conflict
from lora_manager.ports.deliveries import DeliveryRepository

_c = deliveries.c
_NOW = select(func.clock_timestamp(type_=DateTime(timezone=True)))
_GET = (
    select(*DELIVERY_COLUMNS)
    .where(_c.id.in_(bindparam("ids", expanding=True, type_=_c.id.type)))
    .order_by(_c.id)
    .with_for_update()
)
_SAVE = update(deliveries).where(_c.id == bindparam("_id"))
_WITH_KEY = select(*DELIVERY_COLUMNS).where(_c.idempotency_key == bindparam("key")).with_for_update()


@cache
def _adding(system: str) -> Executable:
    # One statement that leaves the transaction usable, where a savepoint around a plain one would take three.
    return insert_into(deliveries, system).on_conflict_do_nothing()


class SqlDeliveryRepository(DeliveryRepository):
    """Deliveries in ``deliveries``.

    What it read is locked, as by :class:`~lora_manager.adapters.database.loras.SqlLoraRepository`.

    :param connection: in a transaction that may write
    :param where: the database, for messages
    """

    def __init__(self, connection: AsyncConnection, where: object) -> None:
        self._connection = connection
        self._where = where
        self._system = connection.dialect.name
        self._held: dict[UUID, Delivery] = {}

    async def now(self) -> datetime:
        if self._system == "sqlite":  # all who share the file are on this machine
            return datetime.now(UTC)
        with translated(self._where):
            now: datetime = (await self._connection.execute(_NOW)).scalar_one()
        return now

    async def get(self, *delivery_ids: UUID) -> Sequence[Delivery]:
        wanted = tuple(dict.fromkeys(delivery_ids))
        await self._hold(wanted)
        return [self._held[delivery_id] for delivery_id in wanted if delivery_id in self._held]

    async def with_key(self, idempotency_key: str) -> Delivery | None:
        rows = await self._run(_WITH_KEY, {"key": idempotency_key})
        return self._hold_rows(rows)[0] if rows else None

    async def due(self, now: datetime, limit: int, *, at_once: int, only: UUID | None = None) -> Sequence[Delivery]:
        given = {"now": now, "limit": limit, "only": only, "at_once": at_once}
        rows = [*await self._limited_due(given), *await self._run(due.unlimited_due(only=only is not None), given)]
        rows.sort(key=lambda row: (row.due_at, row.id))
        return self._hold_rows(rows[:limit])

    async def add(self, delivery: Delivery) -> None:
        with translated(self._where):
            added = await self._connection.execute(_adding(self._system), to_row(delivery))
        if not added.rowcount:
            raise Conflict("a delivery with this id or this idempotency key is stored already")
        self._held[delivery.id] = delivery

    async def save(self, *deliveries: Delivery) -> None:
        await self._hold([delivery.id for delivery in deliveries])
        saved = dict(self._held)
        for delivery in deliveries:
            stored = saved.get(delivery.id)
            if stored is None:
                raise DeliveryNotFound(delivery.id)
            if delivery.history[: stored.revision] != stored.history:
                raise Conflict(f"the delivery {delivery.id} changed meanwhile; read it again and repeat the change")
            saved[delivery.id] = delivery
        rows = [{"_id": delivery.id, **changing(delivery)} for delivery in deliveries]
        if rows:
            with translated(self._where):
                await self._connection.execute(_SAVE, rows)
        self._held = saved

    async def _limited_due(self, given: Mapping[str, Any]) -> Sequence[Any]:
        """What is due to runtimes that take only so many at once."""
        is_one, at_once = given["only"] is not None, given["at_once"]
        query = due.runtimes(only=is_one, locked=self._system == "postgresql")
        runtimes = [runtime for (runtime,) in await self._run(query, given)]
        if not runtimes:
            return []
        query, values = due.running(runtimes)
        running: dict[str, int] = dict(await self._run(query, {**given, **values}))
        room = {r: at_once - running.get(r, 0) for r in runtimes if running.get(r, 0) < at_once}
        if not room:
            return []
        query, values = due.limited_due(room, only=is_one)
        return await self._run(query, {**given, **values})

    async def _hold(self, delivery_ids: Collection[UUID]) -> None:
        """Read and lock those that are not held yet."""
        for chunk in chunked(sorted(set(delivery_ids) - self._held.keys())):
            self._hold_rows(await self._run(_GET, {"ids": chunk}))

    def _hold_rows(self, rows: Sequence[Any]) -> list[Delivery]:
        found = [from_row(row) for row in rows]
        self._held |= {delivery.id: delivery for delivery in found}
        return found

    async def _run(self, query: Select[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        with translated(self._where):
            return list(await self._connection.execute(query, values))
