"""The steps that every change of registered LoRAs shares."""

from collections.abc import Callable, Sequence
from uuid import UUID

from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.events import Event
from lora_manager.domain.lora import Change, Lora
from lora_manager.domain.publication import Announcement
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.trail import trail
from lora_manager.ports.unit_of_work import BeginUnitOfWork, UnitOfWork


async def living(uow: UnitOfWork, lora_ids: Sequence[UUID]) -> list[Lora]:
    """The LoRAs with these ids, in this order.

    :raises LoraNotFound: one of them does not exist or was deleted
    """
    loras = {lora.id: lora for lora in await uow.loras.get(*lora_ids) if lora.deleted_at is None}
    for lora_id in lora_ids:
        if lora_id not in loras:
            raise LoraNotFound(lora_id)
    return [loras[lora_id] for lora_id in lora_ids]


async def add(uow: UnitOfWork, loras: Sequence[Lora]) -> tuple[Event, ...]:
    """Store new LoRAs, have them published, and give back what happened."""
    await uow.loras.add(*loras)
    events = [lora.created() for lora in loras]
    await _announce(uow, list(zip(loras, events, strict=True)))
    return tuple(events)


async def save(uow: UnitOfWork, changes: Sequence[Change]) -> tuple[Event, ...]:
    """Store the LoRAs that did change, have them published, and give back what happened."""
    await uow.loras.save(*(lora for lora, events in changes if events))
    await _announce(uow, [(lora, events[-1]) for lora, events in changes if events])
    return tuple(event for _, events in changes for event in events)


async def change_lora(begin: BeginUnitOfWork, log: EventLog, lora_id: UUID, change: Callable[[Lora], Change]) -> Lora:
    """Read a living LoRA, change it, store it and tell of it, in one transaction.

    :raises LoraNotFound: it does not exist or was deleted
    """
    async with begin() as uow:
        [lora] = await living(uow, [lora_id])
        changed, _ = result = change(lora)
        events = await save(uow, [result])
        await uow.commit()
    log.record(events)
    return changed


async def _announce(uow: UnitOfWork, news: Sequence[tuple[Lora, Event]]) -> None:
    ids = dict(trail())
    await uow.publications.announce(
        *(
            Announcement(lora_id=lora.id, event=event.name, revision=lora.revision, at=lora.updated_at, trail=ids)
            for lora, event in news
        )
    )
