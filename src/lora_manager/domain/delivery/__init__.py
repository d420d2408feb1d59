"""Deliveries: a prompt on its way to a runtime, and the targets it can go to."""

from lora_manager.domain.delivery.attempt import Attempt, DeliveryError, Lease, Outcome, Progress
from lora_manager.domain.delivery.backoff import backoff
from lora_manager.domain.delivery.content import Content, DeliveredLora
from lora_manager.domain.delivery.delivery import (
    ALLOWED,
    CLAIMABLE,
    FINAL,
    Delivery,
    DeliveryNotFound,
    Happening,
    IdempotencyKey,
    IdempotencyKeyReused,
    LeaseLost,
    Mode,
    Result,
    Status,
    TransitionNotAllowed,
)
from lora_manager.domain.delivery.failure import DispatchFailed
from lora_manager.domain.delivery.targets import (
    CliTarget,
    ComfyTarget,
    HttpTarget,
    SdnextTarget,
    Target,
    host_of,
    parse_target,
    runtime_of,
)

__all__ = [
    "ALLOWED",
    "CLAIMABLE",
    "FINAL",
    "Attempt",
    "CliTarget",
    "ComfyTarget",
    "Content",
    "DeliveredLora",
    "Delivery",
    "DeliveryError",
    "DeliveryNotFound",
    "DispatchFailed",
    "Happening",
    "HttpTarget",
    "IdempotencyKey",
    "IdempotencyKeyReused",
    "Lease",
    "LeaseLost",
    "Mode",
    "Outcome",
    "Progress",
    "Result",
    "SdnextTarget",
    "Status",
    "Target",
    "TransitionNotAllowed",
    "backoff",
    "host_of",
    "parse_target",
    "runtime_of",
]
