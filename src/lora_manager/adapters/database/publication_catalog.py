"""What can be asked about publications."""

from collections.abc import AsyncGenerator, Collection, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select

from lora_manager.adapters.database.lookups import any_of, numbered, padded
from lora_manager.adapters.database.publication_rows import PUBLICATION_COLUMNS, from_row
from lora_manager.adapters.database.readers import Reader
from lora_manager.adapters.database.tables import OUTSTANDING, publications
from lora_manager.domain.publication import Publication
from lora_manager.ports.publications import Backlog, PublicationCatalog

_QUICK_IDS = 100
PAGE = 500

_c = publications.c
FIRST_PAGE = select(*PUBLICATION_COLUMNS).order_by(_c.adapter_id).limit(PAGE)
NEXT_PAGE = FIRST_PAGE.where(_c.adapter_id > bindparam("after", type_=_c.adapter_id.type))
# What waits is always due at some time; not all that is due waits.
BACKLOG: Select[*tuple[Any, ...]] = select(func.count(), func.min(_c.waiting_since)).where(
    OUTSTANDING, _c.waiting_since.is_not(None)
)


class SqlPublicationCatalog(PublicationCatalog):
    """Answers from ``publications``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def of(self, lora_ids: Collection[UUID]) -> Mapping[UUID, Publication]:
        queries = [(of(len(chunk)), numbered("id", chunk)) for chunk in padded(lora_ids)]
        return await self._reader.read(
            lambda run: {row[0]: from_row(row) for query in queries for row in run(*query)},
            quick=len(lora_ids) <= _QUICK_IDS,
        )

    async def all(self) -> AsyncGenerator[Publication, None]:
        query, values = FIRST_PAGE, dict[str, UUID]()
        while page := await self._page(query, values):
            for publication in page:
                yield publication
            query, values = NEXT_PAGE, {"after": page[-1].lora_id}

    async def backlog(self) -> Backlog:
        [(waiting, oldest)] = await self._reader.read(lambda run: run(BACKLOG))
        return Backlog(waiting, oldest)

    async def _page(self, query: Select[Any], values: Mapping[str, UUID]) -> list[Publication]:
        return await self._reader.read(lambda run: [from_row(row) for row in run(query, values)])


@lru_cache
def of(count: int) -> Select[Any]:
    """The publications of so many LoRAs."""
    return select(*PUBLICATION_COLUMNS).where(any_of(_c.adapter_id, "id", count))
