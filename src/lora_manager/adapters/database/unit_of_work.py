"""One transaction."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from lora_manager.adapters.database.deliveries import SqlDeliveryRepository
from lora_manager.adapters.database.engine import Database
from lora_manager.adapters.database.errors import translated
from lora_manager.adapters.database.loras import SqlLoraRepository
from lora_manager.adapters.database.publications import SqlPublicationRepository
from lora_manager.adapters.database.scans import SqlScanRepository
from lora_manager.ports.unit_of_work import UnitOfWork


class SqlAlchemyUnitOfWork(UnitOfWork):
    """A transaction that may write; entered once, and good for several commits.

    :param publishes: whether what is announced is kept, to be published
    """

    def __init__(self, database: Database, *, publishes: bool = False) -> None:
        self._database = database
        self._publishes = publishes
        self._stack = AsyncExitStack()
        self._connection: AsyncConnection

    @property
    def loras(self) -> SqlLoraRepository:
        return self._loras

    @property
    def scans(self) -> SqlScanRepository:
        return self._scans

    @property
    def deliveries(self) -> SqlDeliveryRepository:
        return self._deliveries

    @property
    def publications(self) -> SqlPublicationRepository:
        return self._publications

    async def __aenter__(self) -> Self:
        self._connection = await self._stack.enter_async_context(self._database.writing())
        self._hold_nothing()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def commit(self) -> None:
        with translated(self._database.place):
            await self._connection.commit()
        self._hold_nothing()  # what was locked is free again

    def _hold_nothing(self) -> None:
        self._loras = SqlLoraRepository(self._connection, self._database.place)
        self._scans = SqlScanRepository(self._connection, self._database.place)
        self._deliveries = SqlDeliveryRepository(self._connection, self._database.place)
        self._publications = SqlPublicationRepository(self._connection, self._database.place, publishes=self._publishes)
