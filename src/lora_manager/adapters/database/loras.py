"""LoRAs inside a transaction."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.paths import at_paths
from lora_manager.adapters.database.rows import LORA_COLUMNS, from_row, to_row
from lora_manager.adapters.database.tables import LIVING, adapter_tags, adapters
from lora_manager.adapters.database.values import chunked, storable
from lora_manager.domain.errors import Conflict, LoraNotFound, NameTaken, StaleRevision
from lora_manager.domain.lora import Lora
from lora_manager.ports.loras import LoraRepository

_ADD = insert(adapters)
_SAVE = update(adapters).where(adapters.c.id == bindparam("_id"))
_ADD_TAG = insert(adapter_tags)
_DROP_TAGS = delete(adapter_tags).where(adapter_tags.c.adapter_id == bindparam("_id"))


class SqlLoraRepository(LoraRepository):
    """LoRAs in ``adapters`` and ``adapter_tags``.

    What it read is locked: on SQLite the transaction is the only writer, on PostgreSQL rows are locked in the order of
    their ids, so that two that lock the same ones queue up. Hence what it holds is what is stored, until it ends.

    :param connection: in a transaction that may write
    :param where: the database, for messages
    """

    def __init__(self, connection: AsyncConnection, where: object) -> None:
        self._connection = connection
        self._where = where
        self._held: dict[UUID, Lora] = {}

    async def get(self, *lora_ids: UUID) -> Sequence[Lora]:
        wanted = tuple(dict.fromkeys(lora_ids))
        await self._hold(wanted)
        return [self._held[lora_id] for lora_id in wanted if lora_id in self._held]

    async def matching(
        self, *, paths: Collection[str] = (), sha256s: Collection[str] = (), names: Collection[str] = ()
    ) -> Sequence[Lora]:
        ids: set[UUID] = set()
        for chunk in chunked(storable(paths)):
            ids |= await self._ids(at_paths(chunk))
        for chunk in chunked(storable(sha256s)):
            ids |= await self._ids(adapters.c.sha256.in_(chunk))
        for chunk in chunked(storable(names)):
            ids |= await self._ids(adapters.c.name.in_(chunk))
        # Found first, then locked in order: until then another transaction may have changed what they match.
        paths, sha256s, names = frozenset(paths), frozenset(sha256s), frozenset(names)
        return [
            lora
            for lora in await self.get(*sorted(ids))
            if lora.file_path in paths or lora.sha256 in sha256s or lora.name in names
        ]

    async def add(self, *loras: Lora) -> None:
        by_name = sorted(loras, key=lambda lora: lora.name)  # of two that add the same names, one waits for the other
        await self._store(loras, _ADD, [to_row(lora) for lora in by_name], retagged=loras)
        self._held |= {lora.id: lora for lora in loras}

    async def save(self, *loras: Lora) -> None:
        await self._hold([lora.id for lora in loras])
        saved = dict(self._held)
        for lora in loras:
            if lora.id not in saved:
                raise LoraNotFound(lora.id)
            if (stored := saved[lora.id].revision) != lora.revision - 1:
                raise StaleRevision(lora.revision - 1, stored)
            saved[lora.id] = lora
        changed = [saved[lora_id] for lora_id in dict.fromkeys(lora.id for lora in loras)]
        retagged = [lora for lora in changed if lora.tags != self._held[lora.id].tags]
        rows = [to_row(lora) for lora in loras]
        for row in rows:
            row["_id"] = row.pop("id")
        await self._store(loras, _SAVE, rows, retagged)
        self._held = saved

    async def _hold(self, lora_ids: Collection[UUID]) -> None:
        """Read and lock those that are not held yet."""
        for chunk in chunked(sorted(set(lora_ids) - self._held.keys())):
            query = select(*LORA_COLUMNS).where(adapters.c.id.in_(chunk)).order_by(adapters.c.id).with_for_update()
            with translated(self._where):
                for row in await self._connection.execute(query):
                    lora = from_row(row)
                    self._held[lora.id] = lora

    async def _ids(self, condition: ColumnElement[bool]) -> set[UUID]:
        with translated(self._where):
            return set(await self._connection.scalars(select(adapters.c.id).where(condition)))

    async def _store(
        self, loras: Sequence[Lora], statement: Executable, rows: Sequence[dict[str, Any]], retagged: Sequence[Lora]
    ) -> None:
        """Write all of it, or nothing and say what is in the way."""
        if not rows:
            return
        tags = [{"adapter_id": lora.id, "tag": tag} for lora in retagged for tag in lora.tags]
        with translated(self._where):
            try:
                async with self._connection.begin_nested():
                    await self._connection.execute(statement, rows)
                    if statement is _SAVE and retagged:
                        await self._connection.execute(_DROP_TAGS, [{"_id": lora.id} for lora in retagged])
                    if tags:
                        await self._connection.execute(_ADD_TAG, tags)
            except IntegrityError as error:
                raise await self._refusal(loras) from error

    async def _refusal(self, loras: Sequence[Lora]) -> Conflict:
        """Which of the LoRAs, written one after another, is the first whose name and version another one has."""
        owners: dict[tuple[str, str | None], UUID] = {}
        for chunk in chunked([lora.name for lora in loras]):
            query = select(adapters.c.name, adapters.c.version, adapters.c.id).where(LIVING, adapters.c.name.in_(chunk))
            owners |= {(name, version): lora_id for name, version, lora_id in await self._connection.execute(query)}
        names = {lora_id: name for name, lora_id in owners.items()}
        for lora in loras:
            owners.pop(names.pop(lora.id, ("", None)), None)
            if lora.deleted_at is None:
                name = (lora.name, lora.version)
                if name in owners:
                    return NameTaken(*name)
                owners[name], names[lora.id] = lora.id, name
        return Conflict("another change came in between, or the id is registered already; read again and repeat")
