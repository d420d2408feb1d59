"""One transaction."""

from types import TracebackType
from typing import Self

from lora_manager.adapters.memory.deliveries import MemoryDeliveryRepository
from lora_manager.adapters.memory.repositories import MemoryLoraRepository, MemoryScanRepository
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.ports.unit_of_work import UnitOfWork


class MemoryUnitOfWork(UnitOfWork):
    """Works on copies, alone; a commit puts them in the place of what was there."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._loras = MemoryLoraRepository({})
        self._scans = MemoryScanRepository({})
        self._deliveries = MemoryDeliveryRepository({}, store.clock)

    @property
    def loras(self) -> MemoryLoraRepository:
        return self._loras

    @property
    def scans(self) -> MemoryScanRepository:
        return self._scans

    @property
    def deliveries(self) -> MemoryDeliveryRepository:
        return self._deliveries

    async def __aenter__(self) -> Self:
        await self._store.write_lock.acquire()
        self._loras = MemoryLoraRepository(self._store.loras)
        self._scans = MemoryScanRepository(self._store.scans)
        self._deliveries = MemoryDeliveryRepository(self._store.deliveries, self._store.clock)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.write_lock.release()

    async def commit(self) -> None:
        self._store.loras = dict(self._loras.loras)
        self._store.scans = dict(self._scans.scans)
        self._store.deliveries = dict(self._deliveries.deliveries)
