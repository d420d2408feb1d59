"""Ask an outside registry what it knows of one LoRA."""

from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.validation.conclusions import conclude
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.validator import Validator, Verdict


@dataclass(frozen=True, slots=True)
class ValidateLora:
    """Ask CivitAI (or the service at CIVITAI_VALIDATE_URL) for this very file, and record what it says.

    `valid`: this file is published there; `mismatch`: its tensors are, in a file of other bytes; `unknown`: nobody
    published it; `failed`: no answer, with the reason. Title, triggers, base model and preview found fill what no user
    has set.
    """

    begin: BeginUnitOfWork
    catalog: LoraCatalog
    validator: Validator
    clock: Clock
    log: EventLog

    async def __call__(self, lora_id: UUID) -> Lora:
        """Ask, and return the LoRA with the new validation.

        :raises LoraNotFound: it does not exist or was deleted
        """
        lora = await self.catalog.get(lora_id)
        [changed] = await conclude(self.begin, self.clock, self.log, [(lora, await self._verdict_on(lora))])
        return changed

    async def _verdict_on(self, lora: Lora) -> Verdict:
        try:
            async with aclosing(self.validator.ask([lora])) as verdicts:
                return await anext(verdicts)
        except Unavailable as error:
            return Verdict(lora_id=lora.id, validation=Validation(state=ValidationState.FAILED, detail=str(error)))
