"""Take a LoRA into the composition, or out of it."""

from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.change import change_lora
from lora_manager.domain.lora import Lora
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class ActivateLora:
    """Take a LoRA into the composition.

    An ordinal gives it its place; without one it keeps the place it has. Activating an active LoRA changes nothing.
    """

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID, ordinal: int | None = None) -> Lora:
        """Activate and return it.

        :raises LoraNotFound: it does not exist or was deleted
        :raises InvalidFields: the ordinal is out of range
        """
        now = self.clock.now()
        return await change_lora(self.begin, self.log, lora_id, lambda lora: lora.activate(now=now, ordinal=ordinal))


@dataclass(frozen=True, slots=True)
class DeactivateLora:
    """Take a LoRA out of the composition; it keeps its ordinal. Deactivating an inactive LoRA changes nothing."""

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID) -> Lora:
        """Deactivate and return it.

        :raises LoraNotFound: it does not exist or was deleted
        """
        now = self.clock.now()
        return await change_lora(self.begin, self.log, lora_id, lambda lora: lora.deactivate(now=now))
