"""Finding the LoRA that somebody means."""

from collections.abc import Sequence
from uuid import UUID

from lora_manager.app.application import Application
from lora_manager.domain.errors import Conflict, LoraNotFound
from lora_manager.domain.file.record import name_problem
from lora_manager.domain.lora import Lora


class SeveralVersions(Conflict):
    """A name is that of several LoRAs, and one of them was asked for."""

    def __init__(self, name: str, loras: Sequence[Lora]) -> None:
        self.loras = loras
        listed = ", ".join(f"{lora.id} ({lora.version or 'no version'})" for lora in loras)
        super().__init__(f"{name!r} has {len(loras)} versions, choose one by its id: {listed}")


async def find(application: Application, reference: str) -> Sequence[Lora]:
    """The LoRAs of an id or a name, in canonical order, at least one.

    :raises LoraNotFound: there is none
    """
    lora_id = as_id(reference)
    ids = [] if lora_id is None else [lora_id]
    names = [] if name_problem(reference) else [reference]
    found = await application.catalog.find(ids=ids, names=names)
    if not found:
        raise LoraNotFound(reference)
    return found


async def find_one(application: Application, reference: str) -> Lora:
    """The LoRA of an id or a name.

    :raises LoraNotFound: there is none
    :raises SeveralVersions: the name has several
    """
    found = await find(application, reference)
    if len(found) > 1:
        raise SeveralVersions(reference, found)
    return found[0]


def as_id(reference: str) -> UUID | None:
    """The id that this text is, if it is one."""
    try:
        return UUID(reference)
    except ValueError:
        return None
