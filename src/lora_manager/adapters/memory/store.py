"""What a registry in memory holds."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Scan


@dataclass(slots=True)
class MemoryStore:
    """LoRAs and scans as committed.

    :param write_lock: held by the unit of work that may change them
    """

    loras: dict[UUID, Lora] = field(default_factory=dict)
    scans: dict[UUID, Scan] = field(default_factory=dict)
    write_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def living(self) -> list[Lora]:
        """The LoRAs that are not deleted."""
        return [lora for lora in self.loras.values() if lora.deleted_at is None]
