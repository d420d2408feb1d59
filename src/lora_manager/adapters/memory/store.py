"""What a registry in memory holds."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from lora_manager.adapters.system.clock import SystemClock
from lora_manager.domain.delivery import Delivery
from lora_manager.domain.lora import Lora
from lora_manager.domain.publication import Publication
from lora_manager.domain.scan import Scan
from lora_manager.ports.clock import Clock


@dataclass(slots=True)
class MemoryStore:
    """LoRAs, scans, deliveries and publications as committed.

    :param clock: what all who share the store go by
    :param write_lock: held by the unit of work that may change them
    """

    loras: dict[UUID, Lora] = field(default_factory=dict)
    scans: dict[UUID, Scan] = field(default_factory=dict)
    deliveries: dict[UUID, Delivery] = field(default_factory=dict)
    publications: dict[UUID, Publication] = field(default_factory=dict)
    clock: Clock = field(default_factory=SystemClock)
    write_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def living(self) -> list[Lora]:
        """The LoRAs that are not deleted."""
        return [lora for lora in self.loras.values() if lora.deleted_at is None]
