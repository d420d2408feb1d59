"""Do one thing to many LoRAs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from lora_manager.app.change import save
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.fields import clean_tags
from lora_manager.domain.lora import Change, Lora
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


class BulkAction(StrEnum):
    """What can be done to many LoRAs at once."""

    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    DELETE = "delete"
    TAG = "tag"
    UNTAG = "untag"


class BulkResult(StrEnum):
    """What came of it for one LoRA."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeManyCommand:
    """What to do to which LoRAs.

    :param tags: those to add or take away; for tag and untag only, at least one
    :raises InvalidFields: tags are missing where they are needed, or given where they mean nothing
    """

    action: BulkAction
    lora_ids: tuple[UUID, ...]
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        wants_tags = self.action in {BulkAction.TAG, BulkAction.UNTAG}
        if wants_tags and not clean_tags(self.tags):
            raise InvalidFields([InvalidField("tags", f"must hold at least one tag to {self.action}")])
        if not wants_tags and self.tags:
            raise InvalidFields([InvalidField("tags", f"means nothing for {self.action}")])

    def apply(self, lora: Lora, *, now: datetime) -> Change:
        """The LoRA after the action."""
        match self.action:
            case BulkAction.ACTIVATE:
                return lora.activate(now=now)
            case BulkAction.DEACTIVATE:
                return lora.deactivate(now=now)
            case BulkAction.DELETE:
                return lora.delete(now=now)
            case BulkAction.TAG:
                return lora.revise(now=now, tags=(*lora.tags, *self.tags))
            case BulkAction.UNTAG:
                dropped = set(clean_tags(self.tags))
                return lora.revise(now=now, tags=tuple(tag for tag in lora.tags if tag not in dropped))
            case _:
                assert_never(self.action)


@dataclass(frozen=True, slots=True)
class ChangeMany:
    """Activate, deactivate, delete, tag or untag many LoRAs in one transaction.

    Each id gets a result; an id that is not there does not hold up the others. An error undoes everything.
    """

    begin: BeginUnitOfWork
    clock: Clock
    log: EventLog

    async def __call__(self, command: ChangeManyCommand) -> Mapping[UUID, BulkResult]:
        """Do it; the results are in the order of the ids, each id once.

        :raises InvalidFields: a LoRA would break a limit (too many tags)
        """
        results = dict.fromkeys(command.lora_ids, BulkResult.NOT_FOUND)
        async with self.begin() as uow:
            loras: Sequence[Lora] = await uow.loras.get(*results)
            now = self.clock.now()
            changes = [command.apply(lora, now=now) for lora in loras if lora.deleted_at is None]
            events = await save(uow, changes)
            await uow.commit()
        results |= {lora.id: BulkResult.CHANGED if told else BulkResult.UNCHANGED for lora, told in changes}
        self.log.record(events)
        return results
