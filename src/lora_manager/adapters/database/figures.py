"""The registry in numbers, for metrics."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, Table, func, select

from lora_manager.adapters.database.functions import clock_now
from lora_manager.adapters.database.readers import Reader
from lora_manager.adapters.database.tables import (
    ACTIVE,
    LIMITED,
    LIVING,
    OUTSTANDING,
    UNLIMITED,
    WAITS,
    adapters,
    deliveries,
    publications,
)
from lora_manager.domain.delivery import Status
from lora_manager.ports.metrics import FigureCatalog, Figures

_d, _p = deliveries.c, publications.c
_UNPUBLISHED = OUTSTANDING & _p.waiting_since.is_not(None)  # as in publication_catalog.BACKLOG


def _count(table: Table, condition: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(condition).scalar_subquery()


def _first(moment: ColumnElement[Any], condition: ColumnElement[bool]) -> ScalarSelect[Any]:
    return select(func.min(moment)).where(condition).scalar_subquery()


# One statement: one snapshot, and one way to the database and back. Each part of it walks one index, of which what is
# deleted or ended is no part.
FIGURES: Select[Any] = select(
    clock_now().label("now"),
    _count(adapters, LIVING).label("adapters"),
    _count(adapters, ACTIVE).label("active"),
    _count(deliveries, _d.status == Status.PENDING).label("pending"),
    _count(deliveries, _d.status == Status.RETRYING).label("retrying"),
    _count(deliveries, _d.status == Status.RUNNING).label("running"),
    _first(_d.due_at, WAITS & UNLIMITED).label("unlimited_due_at"),
    _first(_d.due_at, WAITS & LIMITED).label("limited_due_at"),
    _count(publications, _UNPUBLISHED).label("outbox"),
    _first(_p.waiting_since, _UNPUBLISHED).label("unpublished_since"),
)


class SqlFigureCatalog(FigureCatalog):
    """Counts in the tables; ages are by the database's own clock, which all who share it go by."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def figures(self) -> Figures:
        [row] = await self._reader.read(lambda run: run(FIGURES))
        now, living, active, pending, retrying, running, unlimited_due_at, limited_due_at, outbox, since = row
        return Figures(
            adapters=living,
            active=active,
            pending=pending,
            retrying=retrying,
            running=running,
            waiting_s=max(_age(unlimited_due_at, now), _age(limited_due_at, now)),
            outbox=outbox,
            outbox_age_s=_age(since, now),
        )


def _age(moment: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 where that is still to come."""
    return 0.0 if moment is None else max((now - moment).total_seconds(), 0.0)
