"""Put LoRAs in an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.change import living, save
from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import check_distinct, reorder
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class ReorderLoras:
    """Give these LoRAs the ordinals 1, 2, 3 ... in the order of the list, all of them or none."""

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, lora_ids: Sequence[UUID]) -> list[Lora]:
        """Reorder and return them in their new order.

        :raises LoraNotFound: one does not exist or was deleted
        :raises InvalidFields: one comes twice
        """
        check_distinct(lora_ids)
        async with self.begin() as uow:
            changes = reorder(await living(uow, lora_ids), now=self.clock.now())
            events = await save(uow, changes)
            await uow.commit()
        self.log.record(events)
        return [lora for lora, _ in changes]
