"""Follow a delivery to its end."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lora_manager.domain.delivery import FINAL, Delivery
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.deliveries import DeliveryCatalog

LOOK_EVERY = timedelta(milliseconds=500)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WatchDelivery:
    """Follow a delivery: what happened to it so far, then whatever happens, until a final state."""

    catalog: DeliveryCatalog

    async def __call__(self, delivery_id: UUID) -> AsyncGenerator[Delivery, None]:
        """The delivery as it stands, then each time that it changed; what of it is new is for the caller to tell.

        Once it has begun, it waits while the store is away: a browser that had to come back meanwhile would be refused,
        and never come back again.

        :raises DeliveryNotFound: there is none with this id
        :raises Unavailable: the store was away from the beginning
        """
        delivery = await self.catalog.get(delivery_id)
        yield delivery
        while delivery.status not in FINAL:
            latest = await self._look(delivery_id)
            if (latest.revision, latest.progress) != (delivery.revision, delivery.progress):
                yield latest
            delivery = latest

    async def _look(self, delivery_id: UUID) -> Delivery:
        """The delivery after a while; while the store is away, once it answers again."""
        is_waiting = False
        while True:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            try:
                return await self.catalog.get(delivery_id)
            except Unavailable as error:
                if not is_waiting:
                    _logger.warning("events of %s wait until the store answers again: %s", delivery_id, error)
                is_waiting = True
