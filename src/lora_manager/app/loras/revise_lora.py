"""Change fields of a LoRA."""

from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.change import change_lora
from lora_manager.domain.errors import StaleRevision
from lora_manager.domain.lora import Change, Lora, LoraChanges
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviseLoraCommand:
    """What to change; a key that is absent from ``changes`` stays untouched.

    :param expected_revision: refuse when the LoRA is at another one
    """

    lora_id: UUID
    changes: LoraChanges
    expected_revision: int | None = None


@dataclass(frozen=True, slots=True)
class ReviseLora:
    """Change fields of a LoRA.

    What is absent stays untouched; null clears a field that may be empty. Title, description, triggers, base model and
    preview set here are kept whatever the file or CivitAI say later.
    """

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, command: ReviseLoraCommand) -> Lora:
        """Change and return it.

        :raises LoraNotFound: it does not exist or was deleted
        :raises InvalidFields: naming every field that breaks its limit
        :raises NameTaken: another LoRA has the new name and version
        :raises StaleRevision: it is not at the expected revision
        """

        def change(lora: Lora) -> Change:
            if command.expected_revision not in {None, lora.revision}:
                raise StaleRevision(command.expected_revision or 0, lora.revision)
            return lora.revise(now=self.clock.now(), **command.changes)

        return await change_lora(self.begin, self.log, command.lora_id, change)
