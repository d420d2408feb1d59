"""Cancel a delivery, or try a failed one again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lora_manager.domain.delivery import Delivery, DeliveryNotFound
from lora_manager.domain.events import Event
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.work_queue import WorkQueue


@dataclass(frozen=True, slots=True)
class CancelDelivery:
    """Stop a delivery that has not ended. What was sent is sent: the runtime is asked to stop where it can be."""

    begin: BeginUnitOfWork
    queue: WorkQueue
    log: EventLog

    async def __call__(self, delivery_id: UUID) -> Delivery:
        """The cancelled delivery.

        :raises DeliveryNotFound: there is none with this id
        :raises TransitionNotAllowed: it ended
        """
        delivery = await _change(self.begin, self.log, delivery_id, lambda one, now: one.cancel(now=now))
        await self.queue.wake(delivery_id)  # a worker that is at it looks whether it still holds it
        return delivery


@dataclass(frozen=True, slots=True)
class RetryDelivery:
    """Try a failed delivery again, with as many attempts as at first."""

    begin: BeginUnitOfWork
    queue: WorkQueue
    log: EventLog

    async def __call__(self, delivery_id: UUID) -> Delivery:
        """The delivery, waiting again.

        :raises DeliveryNotFound: there is none with this id
        :raises TransitionNotAllowed: it did not fail
        """
        delivery = await _change(self.begin, self.log, delivery_id, lambda one, now: one.retry(now=now))
        await self.queue.wake(delivery_id)
        return delivery


async def _change(
    begin: BeginUnitOfWork,
    log: EventLog,
    delivery_id: UUID,
    change: Callable[[Delivery, datetime], tuple[Delivery, tuple[Event, ...]]],
) -> Delivery:
    async with begin() as uow:
        found = await uow.deliveries.get(delivery_id)
        if not found:
            raise DeliveryNotFound(delivery_id)
        delivery, events = change(found[0], await uow.deliveries.now())
        await uow.deliveries.save(delivery)
        await uow.commit()
    log.record(events)
    return delivery
