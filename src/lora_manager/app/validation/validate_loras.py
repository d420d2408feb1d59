"""Ask an outside registry about many LoRAs."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from lora_manager.app.all_loras import chosen_loras
from lora_manager.app.validation.conclusions import conclude
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork
from lora_manager.ports.validator import Validator, Verdict

STALE_AFTER = timedelta(days=30)
_ASKED_TOGETHER = 100  # one batch of CivitAI's
_STORED_TOGETHER = 20  # what an interruption loses at most

OnValidated = Callable[[int, int], None]
"""Called with how many LoRAs were judged, and how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateLorasCommand:
    """Which LoRAs to ask about.

    :param lora_ids: these; none means all
    :param stale: of them, only those never judged, judged in vain, or judged more than 30 days ago
    """

    lora_ids: tuple[UUID, ...] = ()
    stale: bool = False


@dataclass(frozen=True, slots=True)
class ValidateLoras:
    """Ask about many LoRAs, in batches, and record what is said of each as it comes."""

    begin: BeginUnitOfWork
    catalog: LoraCatalog
    validator: Validator
    clock: Clock
    log: EventLog

    async def __call__(
        self, command: ValidateLorasCommand, on_progress: OnValidated = lambda _done, _all: None
    ) -> "ValidationReport":
        """Do it and report.

        :raises LoraNotFound: one of those named does not exist or was deleted
        :raises Unavailable: the registry does not answer; what it said before is kept
        """
        loras = await self._chosen(command)
        report = ValidationReport()
        on_progress(0, len(loras))
        for start in range(0, len(loras), _ASKED_TOGETHER):
            await self._ask(
                loras[start : start + _ASKED_TOGETHER], report, lambda: on_progress(report.judged, len(loras))
            )
        return report

    async def _ask(self, loras: Sequence[Lora], report: "ValidationReport", tell: Callable[[], None]) -> None:
        asked = {lora.id: lora for lora in loras}
        waiting: list[tuple[Lora, Verdict]] = []
        try:
            async with aclosing(self.validator.ask(loras)) as verdicts:
                async for verdict in verdicts:
                    waiting.append((asked[verdict.lora_id], verdict))
                    report.take_in(asked[verdict.lora_id], verdict)
                    tell()
                    if len(waiting) >= _STORED_TOGETHER:
                        recorded, waiting = waiting, []
                        await self._record(recorded)
        finally:
            await self._record(waiting)

    async def _record(self, verdicts: Sequence[tuple[Lora, Verdict]]) -> None:
        if verdicts:
            try:
                await conclude(self.begin, self.clock, self.log, verdicts)
            except LoraNotFound:
                return  # all of them were deleted while the registry thought

    async def _chosen(self, command: ValidateLorasCommand) -> list[Lora]:
        loras = await chosen_loras(self.catalog, command.lora_ids)
        now = self.clock.now()
        return [lora for lora in loras if not command.stale or _is_stale(lora.validation, now)]


@dataclass(slots=True)
class ValidationReport:
    """How many LoRAs were judged how, and which of them in vain.

    :param failed: name and reason
    """

    counts: Counter[ValidationState] = field(default_factory=Counter)
    failed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """How many in all."""
        return self.counts.total()

    def take_in(self, lora: Lora, verdict: Verdict) -> None:
        """One more verdict."""
        self.counts[verdict.validation.state] += 1
        if verdict.validation.state is ValidationState.FAILED:
            self.failed.append((lora.name, verdict.validation.detail or ""))


def _is_stale(validation: Validation, now: datetime) -> bool:
    if validation.checked_at is None or validation.state in {ValidationState.FAILED, ValidationState.PENDING}:
        return True
    return now - validation.checked_at > STALE_AFTER
