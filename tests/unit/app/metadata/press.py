"""A registry in memory whose documents are published into memory, by a sink that does what the test says."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.adapters.memory.catalog import MemoryCatalog
from lora_manager.adapters.memory.publication_catalog import MemoryPublicationCatalog
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.adapters.memory.unit_of_work import MemoryUnitOfWork
from lora_manager.adapters.sinks.blob import BlobMetadataSink
from lora_manager.app.change import add
from lora_manager.app.loras.delete_lora import DeleteLora, RestoreLora
from lora_manager.app.loras.revise_lora import ReviseLora, ReviseLoraCommand
from lora_manager.app.metadata.publisher import Publisher
from lora_manager.app.metadata.sync_metadata import SyncMetadata
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.events import EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.publication import Publication
from lora_manager.ports.metadata_sink import MetadataSink, PublishedDocument
from lora_manager.ports.tracing import NoTracer, Tracer
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from tests.contract.examples import a_lora
from tests.unit.app.deliveries.post import PATIENCE_S, RecordedEvents, SetClock

AWAY = Unavailable("the bucket does not answer")


@dataclass(slots=True)
class Hold:
    """Something that waits until it is let go."""

    arrival: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self) -> None:
        self.arrival.set()
        await self.release.wait()

    async def arrived(self) -> None:
        """It waits now."""
        await asyncio.wait_for(self.arrival.wait(), PATIENCE_S)


Order = Exception | Hold | None
"""What one call is to meet: a failure, a wait, or nothing out of the ordinary."""


class ScriptedSink(MetadataSink):
    """A sink with orders for the next calls: for each LoRA, or for any; before the work is done, or after it."""

    def __init__(self, sink: MetadataSink) -> None:
        self._sink = sink
        self.before: list[Order] = []
        self.after: list[Order] = []
        self.before_each: dict[UUID, Order] = {}
        self.calls: list[tuple[UUID, int | None]] = []
        """Every attempt so far: the LoRA, with the revision that was to be published, or None to withdraw it."""
        self.known: list[str | None] = []
        """The version that each publication was said to replace."""
        self.listings = 0
        self.arrivals = asyncio.Semaphore(0)

    async def publish(
        self, lora_id: UUID, document: bytes, revision: int, known_version: str | None = None
    ) -> PublishedDocument:
        self.known.append(known_version)
        await self._begin(lora_id, revision)
        published = await self._sink.publish(lora_id, document, revision, known_version)
        await _obey(self.after.pop(0) if self.after else None)
        return published

    async def withdraw(self, lora_id: UUID) -> None:
        await self._begin(lora_id, None)
        await self._sink.withdraw(lora_id)
        await _obey(self.after.pop(0) if self.after else None)

    async def list(self) -> AsyncGenerator[PublishedDocument, None]:
        self.listings += 1
        await _obey(self.before.pop(0) if self.before else None)
        async with aclosing(self._sink.list()) as documents:
            async for document in documents:
                yield document

    async def _begin(self, lora_id: UUID, revision: int | None) -> None:
        self.calls.append((lora_id, revision))
        self.arrivals.release()
        await _obey(self.before_each.get(lora_id))
        await _obey(self.before.pop(0) if self.before else None)


async def _obey(order: Order) -> None:
    if isinstance(order, Exception):
        raise order
    if order is not None:
        await order.pause()


class Press:
    """Everything that publishing needs, in one place."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.store = MemoryStore(clock=self.clock)
        self.begin = partial(MemoryUnitOfWork, self.store, publishes=True)
        self.catalog = MemoryCatalog(self.store)
        self.publications = MemoryPublicationCatalog(self.store)
        self.events = RecordedEvents()
        self.tracer: Tracer = NoTracer()
        self.blobs = MemoryBlobStore()
        self.sink = ScriptedSink(BlobMetadataSink(self.blobs))
        self.publisher = self.new_publisher()
        self.sync = SyncMetadata(self.begin, self.catalog, self.publications, self.sink, self.publisher)
        self._revise = ReviseLora(self.begin, self.clock, self.events)
        self._restore = RestoreLora(self.begin, self.clock, self.events)

    def new_publisher(self, begin: BeginUnitOfWork | None = None) -> Publisher:
        """One more; its waits are as long as they may be."""
        stored = begin or self.begin, self.catalog
        return Publisher(*stored, self.sink, self.clock, self.events, lambda: 1.0, self.tracer)

    async def register(self, name: str = "ink", *, announced: bool = True) -> Lora:
        """A registered LoRA.

        :param announced: whether METADATA_SYNC was on then
        """
        lora = a_lora(name, created_at=self.clock.time, updated_at=self.clock.time)
        async with MemoryUnitOfWork(self.store, publishes=announced) as uow:
            await add(uow, [lora])
            await uow.commit()
        return lora

    async def revise(self, lora: Lora, title: str) -> Lora:
        return await self._revise(ReviseLoraCommand(lora_id=lora.id, changes={"title": title}))

    async def delete(self, lora: Lora, *, announced: bool = True) -> None:
        begin = partial(MemoryUnitOfWork, self.store, publishes=announced)
        await DeleteLora(begin, self.clock, self.events)(lora.id)

    async def restore(self, lora: Lora) -> Lora:
        return await self._restore(lora.id)

    def publication(self, lora: Lora) -> Publication:
        """Where its publication stands."""
        return self.store.publications[lora.id]

    async def overwrite(self, key: str, content: bytes) -> None:
        """Put something where others read, behind the sink."""
        await self.blobs.put(key, _chunks(content))

    async def documents(self) -> dict[str, bytes]:
        """What others read: bytes by key."""
        keys = [blob.key async for blob in self.blobs.list()]
        return {key: b"".join([chunk async for chunk in self.blobs.read(key)]) for key in keys}

    async def titles(self) -> dict[str, Any]:
        """The titles of what is published, by name."""
        facts = [json.loads(document) for document in (await self.documents()).values()]
        return {fact["name"]: fact["title"] for fact in facts}

    def happened(self) -> list[EventName]:
        """What was told of publishing since this was last asked."""
        told = [event.name for event in self.events.events if event.name.startswith("metadata.")]
        self.events.events.clear()
        return told


async def _chunks(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content
