"""Register a LoRA."""

from dataclasses import dataclass, field

from lora_manager.app.change import add
from lora_manager.app.library.inspect_file import InspectFile
from lora_manager.domain.lora import FACT_FIELDS, Lora, LoraChanges
from lora_manager.domain.provenance import Source
from lora_manager.domain.settle import facts_of, record_of
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterLoraCommand:
    """What to register; ``fields`` may hold anything but name and file_path."""

    name: str
    file_path: str
    fields: LoraChanges = field(default_factory=LoraChanges)


@dataclass(frozen=True, slots=True)
class RegisterLora:
    """Register a LoRA file under a name.

    The file is read once: its header says what it is, its bytes give the hashes. Title, description, triggers and base
    model come from the file where the request does not set them.
    """

    begin: BeginUnitOfWork
    inspect: InspectFile
    clock: Clock
    identifiers: Identifiers
    log: EventLog

    async def __call__(self, command: RegisterLoraCommand) -> Lora:
        """Register and return it.

        :raises InvalidFields: naming every field that breaks its limit
        :raises InvalidFile: the file is missing, not readable, outside the library or no LoRA
        :raises NameTaken: another LoRA has this name and version
        """
        now = self.clock.now()
        path = self.inspect.locate(command.file_path)
        given: LoraChanges = {"name": command.name, **command.fields}
        draft = Lora(id=self.identifiers.new(), file_path=path, created_at=now, updated_at=now, **given)
        found, inspected = await self.inspect(path)
        facts = facts_of(inspected)
        said_by = dict.fromkeys(facts, Source.FILE) | dict.fromkeys(FACT_FIELDS & given.keys(), Source.USER)
        fields: LoraChanges = {**facts, **given}
        lora = Lora(
            id=draft.id,
            file_path=path,
            created_at=now,
            updated_at=now,
            file=record_of(found, inspected, now=now),
            provenance=said_by,
            **fields,
        )
        async with self.begin() as uow:
            events = await add(uow, [lora])
            await uow.commit()
        self.log.record(events)
        return lora
