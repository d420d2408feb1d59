"""What can be asked about deliveries."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, bindparam, func, select, union_all

from lora_manager.adapters.database.delivery_rows import DELIVERY_COLUMNS, from_row
from lora_manager.adapters.database.lookups import any_of, numbered, padded
from lora_manager.adapters.database.readers import Reader
from lora_manager.adapters.database.tables import deliveries
from lora_manager.domain.delivery import CLAIMABLE, Delivery, DeliveryNotFound, Mode, Status
from lora_manager.ports.deliveries import DeliveryCatalog, DeliverySelection

_QUICK_IDS = 64

_c = deliveries.c
_ID = bindparam("id", type_=_c.id.type)
_BEFORE = bindparam("before", type_=_c.id.type)
_LIMIT = bindparam("limit", type_=BigInteger)
ONE = select(*DELIVERY_COLUMNS).where(_c.id == _ID)
WAITING = select(func.count()).where(_c.status.in_(sorted(CLAIMABLE)))


class SqlDeliveryCatalog(DeliveryCatalog):
    """Answers from ``deliveries``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def get(self, delivery_id: UUID) -> Delivery:
        rows = await self._reader.read(lambda run: run(ONE, {"id": delivery_id}), quick=True)
        if not rows:
            raise DeliveryNotFound(delivery_id)
        return from_row(rows[0])

    async def revisions(self, delivery_ids: Collection[UUID]) -> dict[UUID, int]:
        queries = [(revisions(len(chunk)), numbered("id", chunk)) for chunk in padded(delivery_ids)]
        return await self._reader.read(
            lambda run: {delivery_id: revision for query in queries for delivery_id, revision in run(*query)},
            quick=len(delivery_ids) <= _QUICK_IDS,
        )

    async def page(self, selection: DeliverySelection) -> Sequence[Delivery]:
        query = page(selection.statuses, selection.modes, behind=selection.before is not None)
        given = {"limit": selection.limit, "before": selection.before}
        return await self._reader.read(lambda run: [from_row(row) for row in run(query, given)])

    async def waiting(self) -> int:
        count: int = (await self._reader.read(lambda run: run(WAITING)))[0][0]
        return count


@lru_cache
def revisions(count: int) -> Select[Any]:
    """The revisions of so many deliveries."""
    return select(_c.id, _c.revision).where(any_of(_c.id, "id", count))


@lru_cache(maxsize=256)
def page(statuses: frozenset[Status], modes: frozenset[Mode], *, behind: bool) -> Select[Any]:
    """The latest deliveries of these statuses and modes.

    Each pair of a status and a mode is a piece of an index that is in the order of the ids: of each no more than a
    page is looked at, however rare or frequent it is.
    """
    query = select(*DELIVERY_COLUMNS).order_by(_c.id.desc()).limit(_LIMIT)
    if not statuses and not modes:
        return query.where(_c.id < _BEFORE) if behind else query
    pieces = [
        _latest(status, mode, behind=behind) for status in sorted(statuses or Status) for mode in sorted(modes or Mode)
    ]
    return query.where(_c.id.in_(union_all(*pieces)))


def _latest(status: Status, mode: Mode, *, behind: bool) -> Select[Any]:
    piece = select(_c.id).where(_c.status == status, _c.mode == mode).order_by(_c.id.desc()).limit(_LIMIT)
    found = (piece.where(_c.id < _BEFORE) if behind else piece).subquery()
    return select(found.c.id)
