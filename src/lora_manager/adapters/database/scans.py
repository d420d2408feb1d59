"""Scans inside a transaction."""

from uuid import UUID

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.tables import scans
from lora_manager.domain.scan import Scan, ScanNotFound
from lora_manager.ports.scans import ScanRepository

_REPLACE = update(scans).where(scans.c.id == bindparam("_id"))


class SqlScanRepository(ScanRepository):
    """Scans in ``scans``, a document each.

    :param connection: in a transaction that may write
    :param where: the database, for messages
    """

    def __init__(self, connection: AsyncConnection, where: object) -> None:
        self._connection = connection
        self._where = where

    async def get(self, scan_id: UUID) -> Scan:
        with translated(self._where):
            scan: Scan | None = await self._connection.scalar(select(scans.c.document).where(scans.c.id == scan_id))
        if scan is None:
            raise ScanNotFound(scan_id)
        return scan

    async def put(self, scan: Scan) -> None:
        with translated(self._where):
            replaced = await self._connection.execute(_REPLACE, {"_id": scan.id, "document": scan})
            if not replaced.rowcount:
                await self._connection.execute(insert(scans), {"id": scan.id, "document": scan})
