"""Deliveries inside a transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from lora_manager.domain.delivery import Delivery, DeliveryNotFound
from lora_manager.domain.errors import Conflict
from lora_manager.ports.clock import Clock
from lora_manager.ports.deliveries import DeliveryRepository


class MemoryDeliveryRepository(DeliveryRepository):
    """A copy of the committed deliveries, which the unit of work puts in their place.

    :param clock: what all who share the store go by
    """

    def __init__(self, committed: Mapping[UUID, Delivery], clock: Clock) -> None:
        self.deliveries = dict(committed)
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()

    async def get(self, *delivery_ids: UUID) -> Sequence[Delivery]:
        wanted = dict.fromkeys(delivery_ids)
        return [self.deliveries[delivery_id] for delivery_id in wanted if delivery_id in self.deliveries]

    async def with_key(self, idempotency_key: str) -> Delivery | None:
        having = (x for x in self.deliveries.values() if x.idempotency and x.idempotency.key == idempotency_key)
        return next(having, None)

    async def due(self, now: datetime, limit: int, *, at_once: int, only: UUID | None = None) -> Sequence[Delivery]:
        everything = self.deliveries.values()
        taken = Counter(delivery.runtime for delivery in everything if delivery.lease and delivery.lease.until > now)
        admitted = []
        candidates = (one for one in everything if one.is_due(now) and only in {None, one.id})
        for delivery in sorted(candidates, key=_place):
            if delivery.runtime is None or taken[delivery.runtime] < at_once:
                taken[delivery.runtime] += 1
                admitted.append(delivery)
        return admitted[:limit]

    async def add(self, delivery: Delivery) -> None:
        key = delivery.idempotency
        if delivery.id in self.deliveries or (key is not None and await self.with_key(key.key)):
            raise Conflict("a delivery with this id or this idempotency key is stored already")
        self.deliveries[delivery.id] = delivery

    async def save(self, *deliveries: Delivery) -> None:
        saved = dict(self.deliveries)
        for delivery in deliveries:
            stored = saved.get(delivery.id)
            if stored is None:
                raise DeliveryNotFound(delivery.id)
            if delivery.history[: stored.revision] != stored.history:
                raise Conflict(f"the delivery {delivery.id} changed meanwhile; read it again and repeat the change")
            saved[delivery.id] = delivery
        self.deliveries = saved


def _place(delivery: Delivery) -> tuple[datetime | None, UUID]:
    """Where a delivery that is due stands in the line."""
    return (delivery.lease.until if delivery.lease else delivery.next_attempt_at, delivery.id)
