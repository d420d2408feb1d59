"""What can be asked about deliveries."""

from collections.abc import Collection, Sequence
from uuid import UUID

from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.domain.delivery import CLAIMABLE, Delivery, DeliveryNotFound
from lora_manager.ports.deliveries import DeliveryCatalog, DeliverySelection


class MemoryDeliveryCatalog(DeliveryCatalog):
    """Answers by going through all of them."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def get(self, delivery_id: UUID) -> Delivery:
        delivery = self._store.deliveries.get(delivery_id)
        if delivery is None:
            raise DeliveryNotFound(delivery_id)
        return delivery

    async def revisions(self, delivery_ids: Collection[UUID]) -> dict[UUID, int]:
        stored = self._store.deliveries
        return {delivery_id: stored[delivery_id].revision for delivery_id in delivery_ids if delivery_id in stored}

    async def page(self, selection: DeliverySelection) -> Sequence[Delivery]:
        latest_first = sorted(self._store.deliveries.values(), key=lambda delivery: delivery.id, reverse=True)
        matching = [delivery for delivery in latest_first if _admits(selection, delivery)]
        return matching[: selection.limit]

    async def waiting(self) -> int:
        return sum(delivery.status in CLAIMABLE for delivery in self._store.deliveries.values())


def _admits(selection: DeliverySelection, delivery: Delivery) -> bool:
    return (
        (not selection.statuses or delivery.status in selection.statuses)
        and (not selection.modes or delivery.mode in selection.modes)
        and (selection.before is None or delivery.id < selection.before)
    )
