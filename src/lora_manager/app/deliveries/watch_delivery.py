"""Follow a delivery to its end."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lora_manager.domain.delivery import FINAL, Delivery
from lora_manager.ports.deliveries import DeliveryCatalog

LOOK_EVERY = timedelta(milliseconds=500)


@dataclass(frozen=True, slots=True)
class WatchDelivery:
    """Follow a delivery: what happened to it so far, then whatever happens, until a final state."""

    catalog: DeliveryCatalog

    async def __call__(self, delivery_id: UUID) -> AsyncGenerator[Delivery, None]:
        """The delivery as it stands, then each time that it changed; what of it is new is for the caller to tell.

        :raises DeliveryNotFound: there is none with this id
        """
        delivery = await self.catalog.get(delivery_id)
        yield delivery
        while delivery.status not in FINAL:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            latest = await self.catalog.get(delivery_id)
            if (latest.revision, latest.progress) != (delivery.revision, delivery.progress):
                yield latest
            delivery = latest
