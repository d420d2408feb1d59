"""The events of one delivery, for those who follow it."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing

from lora_manager.domain.delivery import Delivery, Progress, Status
from lora_manager.http.event_stream import event
from lora_manager.http.schemas.delivery_events import DeliveryEvent, ProgressEvent

_NUMBER = re.compile(r"[0-9]{1,18}")


def last_seen(last_event_id: str | None, delivery: Delivery) -> int:
    """The number of the last event that the client has; 0 where it names none that this delivery had."""
    if last_event_id is None or not _NUMBER.fullmatch(last_event_id):
        return 0
    number = int(last_event_id)
    return number if number <= len(delivery.history) else 0


async def events_of(watching: AsyncGenerator[Delivery, None], after: int) -> AsyncGenerator[bytes, None]:
    """What happened behind an event, and how far the running attempt is, each time that it changed.

    Progress has no number: a client that comes back goes on in the history.

    :param after: the number of that event, 0 for all
    """
    told = Progress()
    async with aclosing(watching) as deliveries:
        async for delivery in deliveries:
            for number in range(after + 1, len(delivery.history) + 1):
                yield event(delivery.history[number - 1].name, DeliveryEvent.of(delivery, number), number)
            after = max(after, len(delivery.history))
            if delivery.status is Status.RUNNING and delivery.progress != told:
                yield event("delivery.progress", ProgressEvent.of(delivery))
            told = delivery.progress
