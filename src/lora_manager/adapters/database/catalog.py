"""The registry's read side."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

from lora_manager.adapters.database import listing, lookups
from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.held import HeldLoras
from lora_manager.adapters.database.readers import Reader, Run, open_reader
from lora_manager.adapters.database.values import storable
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import DuplicateGroup, duplicates
from lora_manager.domain.scan import KnownFile
from lora_manager.domain.selection import Cursor, Page, Selection
from lora_manager.ports.catalog import LibraryReport, LoraCatalog

_QUICK_VALUES = 16
_QUICK_LIMIT = 100
_QUICK_OFFSET = 1_000
_MAX_TOTALS = 256
_FILE_STATES: dict[str | None, FileState | None] = {None: None, **{state.value: state for state in FileState}}


@asynccontextmanager
async def open_catalog(database: Database) -> AsyncIterator["SqlCatalog"]:
    """The read side of this database."""
    async with open_reader(database) as reader:
        yield SqlCatalog(reader)


class _Active(NamedTuple):
    """The active LoRAs as of one version of the database."""

    version: int | None
    loras: tuple[Lora, ...]


class SqlCatalog(LoraCatalog, LibraryReport):
    """Answers from ``adapters``.

    It remembers LoRAs by revision, and, where the database tells whether anything was committed since (SQLite), the
    active LoRAs and the totals. What was read after the database told its version is at least as new as that version.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._held = HeldLoras()
        self._active = _Active(None, ())
        self._totals: dict[listing.Filters, int] = {}
        self._totals_version: int | None = None

    async def get(self, lora_id: UUID) -> Lora:
        loras = await self._load(lookups.held_by("id", [lora_id]), quick=True)
        if not loras:
            raise LoraNotFound(lora_id)
        return loras[0]

    async def find(self, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Sequence[Lora]:
        either = [*lookups.held_by("id", ids), *lookups.held_by("name", storable(names))]
        return await self._load(either, quick=len(ids) + len(names) <= _QUICK_VALUES)

    async def active(self) -> Sequence[Lora]:
        version = self._reader.version()
        if version is None or version != self._active.version:
            quick = self._active.version is not None and len(self._active.loras) <= _QUICK_VALUES
            loras = await self._load([lookups.ACTIVE_LORAS], quick=quick)
            self._active = _Active(version, loras)
            return loras
        return self._active.loras

    async def page(self, selection: Selection) -> Page:
        filters = listing.Filters.of(selection)
        totals = self._totals_at(self._reader.version())
        total = totals.get(filters)

        def work(run: Run) -> Page:
            count = run(listing.total(filters.shape), filters.parameters)[0][0] if total is None else total
            loras = self._held.load(run, run(*listing.page(selection, filters)))
            items = tuple(loras[: selection.limit])
            more = len(loras) > len(items)
            return Page(items, count, Cursor.behind(items[-1], selection.order) if more else None)

        in_index_order = filters == listing.NO_FILTERS and selection.offset <= _QUICK_OFFSET
        page = await self._reader.read(
            work, quick=total is not None and in_index_order and selection.limit <= _QUICK_LIMIT
        )
        totals[filters] = page.total
        return page

    async def tags(self) -> Sequence[tuple[str, int]]:
        return [(tag, count) for tag, count in await self._reader.read(lambda run: run(lookups.TAG_COUNTS))]

    async def duplicates(self) -> Sequence[DuplicateGroup]:
        return duplicates(await self._load([lookups.DUPLICATE_CANDIDATES], quick=False))

    async def known_files(self, folder: str) -> Sequence[KnownFile]:
        rows = await self._reader.read(lambda run: run(lookups.known_files(folder)))
        return [
            KnownFile(lora_id, path, size, modified_ns, _FILE_STATES[state], deleted)
            for lora_id, path, size, modified_ns, state, deleted in rows
        ]

    async def _load(self, queries: Iterable[lookups.Lookup], *, quick: bool) -> tuple[Lora, ...]:
        """The LoRAs whose ids and revisions these find, each once, in canonical order."""

        def work(run: Run) -> tuple[Lora, ...]:
            held = {lora_id: (lora_id, revision) for query in queries for lora_id, revision in run(*query)}
            return tuple(sorted(self._held.load(run, list(held.values())), key=lambda lora: lora.order_key))

        return await self._reader.read(work, quick=quick)

    def _totals_at(self, version: int | None) -> dict[listing.Filters, int]:
        if version is None or version != self._totals_version or len(self._totals) > _MAX_TOTALS:
            self._totals, self._totals_version = {}, version
        return self._totals
