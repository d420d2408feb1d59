"""What the events of a delivery tell; docs/deliveries.md shows them in a stream."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType

from lora_manager.domain.delivery import FINAL, Delivery, Status
from lora_manager.domain.events import EventName
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.deliveries import DeliveryProgress, ErrorResource

_STATUS: Mapping[EventName, Status] = {
    EventName.DELIVERY_ENQUEUED: Status.PENDING,
    EventName.DELIVERY_STARTED: Status.RUNNING,
    EventName.DELIVERY_RETRYING: Status.RETRYING,
    EventName.DELIVERY_COMPLETED: Status.SUCCEEDED,
    EventName.DELIVERY_FAILED: Status.FAILED,
    EventName.DELIVERY_CANCELLED: Status.CANCELLED,
}


class DeliveryEvent(Struct, frozen=True, kw_only=True):
    """One line of a delivery's history."""

    delivery_id: UUID
    status: Annotated[Status, Meta(description="The one that the delivery took on")]
    at: f.Moment
    attempt: Annotated[int | None, Meta(description="The number of the attempt it is about")]
    error: ErrorResource | None
    result: Annotated[dict[str, Any] | None, Meta(description="Only where the delivery ended")] | UnsetType = UNSET

    @classmethod
    def of(cls, delivery: Delivery, number: int) -> Self:
        """A line of the history as clients see it.

        :param number: 1 for the first
        """
        line = delivery.history[number - 1]
        is_end = number == len(delivery.history) and delivery.status in FINAL
        return cls(
            delivery_id=delivery.id,
            status=_STATUS[line.name],
            at=f.moment(line.at),
            attempt=line.attempt,
            error=ErrorResource.of(line.error),
            result=(None if delivery.result is None else dict(delivery.result)) if is_end else UNSET,
        )


class ProgressEvent(Struct, frozen=True, kw_only=True):
    """How far a running attempt is."""

    delivery_id: UUID
    attempt: int
    progress: DeliveryProgress

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The progress of a running delivery as clients see it."""
        return cls(delivery_id=delivery.id, attempt=delivery.fence, progress=DeliveryProgress.of(delivery.progress))
