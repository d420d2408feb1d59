"""Going on where a delivery came from."""

from contextlib import AbstractContextManager

from lora_manager.domain.delivery import Delivery
from lora_manager.ports.trail import following


def on_trail_of(delivery: Delivery) -> AbstractContextManager[None]:
    """Work, for as long as the block lasts, on the trail of the request that the delivery came from."""
    return following(delivery.trail, delivery_id=str(delivery.id))
