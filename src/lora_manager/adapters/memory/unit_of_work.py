"""One transaction."""

from types import TracebackType
from typing import Self

from lora_manager.adapters.memory.deliveries import MemoryDeliveryRepository
from lora_manager.adapters.memory.publications import MemoryPublicationRepository
from lora_manager.adapters.memory.repositories import MemoryLoraRepository, MemoryScanRepository
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.ports.unit_of_work import UnitOfWork


class MemoryUnitOfWork(UnitOfWork):
    """Works on copies, alone; a commit puts them in the place of what was there.

    :param publishes: whether what is announced is kept, to be published
    """

    def __init__(self, store: MemoryStore, *, publishes: bool = False) -> None:
        self._store = store
        self._publishes = publishes
        self._loras = MemoryLoraRepository({})
        self._scans = MemoryScanRepository({})
        self._deliveries = MemoryDeliveryRepository({}, store.clock)
        self._publications = MemoryPublicationRepository({}, publishes=publishes)

    @property
    def loras(self) -> MemoryLoraRepository:
        return self._loras

    @property
    def scans(self) -> MemoryScanRepository:
        return self._scans

    @property
    def deliveries(self) -> MemoryDeliveryRepository:
        return self._deliveries

    @property
    def publications(self) -> MemoryPublicationRepository:
        return self._publications

    async def __aenter__(self) -> Self:
        await self._store.write_lock.acquire()
        self._loras = MemoryLoraRepository(self._store.loras)
        self._scans = MemoryScanRepository(self._store.scans)
        self._deliveries = MemoryDeliveryRepository(self._store.deliveries, self._store.clock)
        self._publications = MemoryPublicationRepository(self._store.publications, publishes=self._publishes)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.write_lock.release()

    async def commit(self) -> None:
        self._store.loras = dict(self._loras.loras)
        self._store.scans = dict(self._scans.scans)
        self._store.deliveries = dict(self._deliveries.deliveries)
        self._store.publications = dict(self._publications.publications)
