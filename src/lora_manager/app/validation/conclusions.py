"""Recording what an outside registry said."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from lora_manager.app.change import save
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.lora import Change, Lora
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.validator import Verdict


async def conclude(
    begin: BeginUnitOfWork, clock: Clock, log: EventLog, verdicts: Sequence[tuple[Lora, Verdict]]
) -> list[Lora]:
    """Record verdicts in one transaction and return the LoRAs as they are then.

    One whose content has changed since it was asked about keeps what it has: the answer is of another file.

    :param verdicts: each with the LoRA as it was when it was asked about
    :raises LoraNotFound: none of them is there any more
    """
    async with begin() as uow:
        now = clock.now()
        asked = {lora.id: (lora, verdict) for lora, verdict in verdicts}
        living = [lora for lora in await uow.loras.get(*asked) if lora.deleted_at is None]
        if not living:
            raise LoraNotFound(next(iter(asked)))
        changes: dict[UUID, Change] = {}
        for lora in living:
            before, verdict = asked[lora.id]
            if lora.sha256 == before.sha256:
                validation = _dated(verdict.validation, lora.validation, now)
                changes[lora.id] = lora.conclude(validation, now=now, **verdict.facts)
        events = await save(uow, list(changes.values()))
        await uow.commit()
    log.record([*events, *(_validated(lora, now) for lora, _ in changes.values())])
    return [changes[lora.id][0] if lora.id in changes else lora for lora in living]


def _validated(lora: Lora, now: datetime) -> Event:
    return Event(EventName.VALIDATED, now, lora.id, facts={"state": lora.validation.state.value})


def _dated(said: Validation, before: Validation, now: datetime) -> Validation:
    """What was said, and when; where nothing was, the page that is known from before still leads to the model."""
    dated = replace(said, checked_at=now)
    if said.state is not ValidationState.FAILED:
        return dated
    return replace(dated, model_id=before.model_id, version_id=before.version_id, page_url=before.page_url)
