"""What the contract suites drive: the ports of one registry, whatever stands behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from lora_manager.adapters.database.catalog import SqlCatalog
from lora_manager.adapters.database.delivery_catalog import SqlDeliveryCatalog
from lora_manager.adapters.database.engine import Database, open_database
from lora_manager.adapters.database.figures import SqlFigureCatalog
from lora_manager.adapters.database.publication_catalog import SqlPublicationCatalog
from lora_manager.adapters.database.readers import open_reader
from lora_manager.adapters.database.unit_of_work import SqlAlchemyUnitOfWork
from lora_manager.adapters.memory.catalog import MemoryCatalog
from lora_manager.adapters.memory.delivery_catalog import MemoryDeliveryCatalog
from lora_manager.adapters.memory.figures import MemoryFigureCatalog
from lora_manager.adapters.memory.publication_catalog import MemoryPublicationCatalog
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.domain.delivery import Delivery
from lora_manager.domain.lora import Lora
from lora_manager.domain.publication import Announcement, Publication
from lora_manager.ports.catalog import LibraryReport, LoraCatalog
from lora_manager.ports.deliveries import DeliveryCatalog
from lora_manager.ports.metrics import FigureCatalog
from lora_manager.ports.publications import PublicationCatalog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class Stores:
    """The ports of one registry."""

    begin: BeginUnitOfWork
    catalog: LoraCatalog
    report: LibraryReport
    deliveries: DeliveryCatalog
    publications: PublicationCatalog
    figures: FigureCatalog

    async def add(self, *loras: Lora) -> None:
        """Store LoRAs in a transaction of their own."""
        async with self.begin() as uow:
            await uow.loras.add(*loras)
            await uow.commit()

    async def save(self, *loras: Lora) -> None:
        """Store changed LoRAs in a transaction of their own."""
        async with self.begin() as uow:
            await uow.loras.save(*loras)
            await uow.commit()

    async def accept(self, *deliveries: Delivery) -> None:
        """Store new deliveries in a transaction of their own."""
        async with self.begin() as uow:
            for delivery in deliveries:
                await uow.deliveries.add(delivery)
            await uow.commit()

    async def change(self, *deliveries: Delivery) -> None:
        """Store changed deliveries in a transaction of their own."""
        async with self.begin() as uow:
            await uow.deliveries.save(*deliveries)
            await uow.commit()

    async def announce(self, *news: Announcement) -> None:
        """Announce changes in a transaction of their own."""
        async with self.begin() as uow:
            await uow.publications.announce(*news)
            await uow.commit()

    async def publish(self, *publications: Publication) -> None:
        """Store publications in a transaction of their own."""
        async with self.begin() as uow:
            await uow.publications.put(*publications)
            await uow.commit()


def memory_stores(*, publishes: bool = True) -> Stores:
    """A registry in memory."""
    store = MemoryStore()
    catalog = MemoryCatalog(store)
    begin = partial(MemoryUnitOfWork, store, publishes=publishes)
    return Stores(
        begin,
        catalog,
        catalog,
        MemoryDeliveryCatalog(store),
        MemoryPublicationCatalog(store),
        MemoryFigureCatalog(store),
    )


@asynccontextmanager
async def sql_stores(url: str, *, publishes: bool = True) -> AsyncIterator[Stores]:
    """The registry in a database with up-to-date tables."""
    async with open_database(url) as database, stores_of(database, publishes=publishes) as stores:
        yield stores


@asynccontextmanager
async def stores_of(database: Database, *, publishes: bool = True) -> AsyncIterator[Stores]:
    """The registry in an open database."""
    async with open_reader(database) as reader:
        catalog = SqlCatalog(reader)
        begin = partial(SqlAlchemyUnitOfWork, database, publishes=publishes)
        yield Stores(
            begin,
            catalog,
            catalog,
            SqlDeliveryCatalog(reader),
            SqlPublicationCatalog(reader),
            SqlFigureCatalog(reader),
        )


SYSTEMS = ("sqlite", "postgresql")


class NewUrl(Protocol):
    """Makes a database and gives its DATABASE_URL.

    :param system: ``sqlite`` or ``postgresql``
    :param migrated: whether it has tables
    """

    def __call__(self, system: str, *, migrated: bool = True) -> str: ...
