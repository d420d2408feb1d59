"""Delete an entry, and bring it back."""

from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.change import change_lora, save
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True)
class DeleteLora:
    """Delete an entry from the registry. The file is never touched, and the entry can be restored."""

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID) -> None:
        """Delete it.

        :raises LoraNotFound: it does not exist or was deleted before
        """
        now = self.clock.now()
        await change_lora(self.begin, self.log, lora_id, lambda lora: lora.delete(now=now))


@dataclass(frozen=True, slots=True)
class RestoreLora:
    """Bring a deleted entry back as it was; restoring one that lives changes nothing."""

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID) -> Lora:
        """Restore and return it.

        :raises LoraNotFound: there never was such an entry
        :raises NameTaken: its name and version were given to another meanwhile
        """
        async with self.begin() as uow:
            found = await uow.loras.get(lora_id)
            if not found:
                raise LoraNotFound(lora_id)
            lora, _ = change = found[0].restore(now=self.clock.now())
            events = await save(uow, [change])
            await uow.commit()
        self.log.record(events)
        return lora
