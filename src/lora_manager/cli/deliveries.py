"""Deliveries, for people and for machines."""

import json
from collections.abc import Iterator
from itertools import chain, repeat

from lora_manager.cli.output import print_json, say
from lora_manager.domain.delivery import Delivery

_LABEL_WIDTH = 18
_MAX_LINES, _MAX_WIDTH = 20, 300  # of a value that a person reads


def print_accepted(delivery: Delivery, *, as_json: bool) -> None:
    """The id of a delivery that others will send."""
    if as_json:
        from lora_manager.http.schemas.deliveries import AcceptedDelivery

        print_json(AcceptedDelivery(delivery.id, delivery.status))
    else:
        say(str(delivery.id))


def print_delivery(delivery: Delivery, *, as_json: bool) -> None:
    """How far the delivery came, and what the target gave back; as JSON, its record."""
    if as_json:
        from lora_manager.http.schemas.deliveries import DeliveryAnswer

        print_json(DeliveryAnswer.of(delivery))
    else:
        say(f"{delivery.status} after {delivery.fence} attempt{'' if delivery.fence == 1 else 's'}")
        for name, value in (delivery.result or {}).items():
            for label, line in zip(chain([name], repeat("")), _lines(value), strict=False):
                say(f"{label:<{_LABEL_WIDTH}}{line}")


def _lines(value: object) -> Iterator[str]:
    lines = (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).splitlines()
    for line in lines[:_MAX_LINES]:
        yield line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]}..."
    if len(lines) > _MAX_LINES:
        yield f"... and {len(lines) - _MAX_LINES:,} more lines; --json has all of them"
