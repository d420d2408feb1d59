"""Deliveries to a stand-in of A1111, and what came of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lora_manager.adapters.blobs.artefacts import BlobArtefactStore
from lora_manager.adapters.dispatch.sdnext import SdnextDispatcher
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import Content, DeliveredLora, Delivery, DeliveryError, DispatchFailed, Mode, Progress
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.standins.a1111 import A1111, Variant, running

DELIVERY_ID = UUID("01900000-0000-7000-8000-000000000001")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class World:
    """A dispatcher, what it delivers to, and what it keeps."""

    runtime: A1111
    client: OutboundClient
    dispatcher: SdnextDispatcher
    artefacts: MemoryBlobStore
    reports: list[Progress] = field(default_factory=list)

    async def deliver(self, prompt: str = "a cat", **payload: object) -> dict[str, object]:
        return dict(
            await self.dispatcher.dispatch(delivery_of(self.runtime.url, prompt, **payload), self.reports.append)
        )

    async def failure(self, prompt: str = "a cat", **payload: object) -> DeliveryError:
        with pytest.raises(DispatchFailed) as caught:
            await self.deliver(prompt, **payload)
        assert self.artefacts.contents == {}
        return caught.value.error


@asynccontextmanager
async def world_of(variant: Variant) -> AsyncIterator[World]:
    client = OutboundClient(AllowedHosts.parse(), tells_trace=True)
    artefacts = MemoryBlobStore()
    async with running(variant) as runtime:
        try:
            dispatcher = SdnextDispatcher(client, BlobArtefactStore(artefacts), progress_every_s=0.01)
            yield World(runtime, client, dispatcher, artefacts)
        finally:
            await client.aclose()


def delivery_of(base_url: str, prompt: str, *loras: DeliveredLora, **payload: object) -> Delivery:
    """A delivery whose first attempt runs."""
    accepted, _ = Delivery(
        id=DELIVERY_ID,
        prompt=prompt,
        mode=Mode.SDNEXT,
        params={"base_url": base_url, "payload": payload},
        content=Content(prompt, (), loras),
        created_at=NOW,
        timeout_s=30,
    ).accept()
    claimed, _ = accepted.claim("worker", now=NOW, lease=timedelta(minutes=1))
    return claimed


def lora(name: str, weight: float = 1.0) -> DeliveredLora:
    return DeliveredLora(DELIVERY_ID, name, None, weight, None, None, f"/loras/{name}.safetensors")
