"""Filling in, for LoRAs that are registered already, what their sidecars say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from uuid import UUID

from lora_manager.app.change import save
from lora_manager.app.library.settlement import BATCH_FILES, retried
from lora_manager.app.library.sidecars import Sidecars
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Finding, Outcome
from lora_manager.domain.sidecar import Told
from lora_manager.domain.sidecar.fill import fill
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.unit_of_work import BeginUnitOfWork

_REGISTERED = frozenset({Outcome.UNCHANGED, Outcome.CHANGED, Outcome.MOVED})


class Filling:
    """Has the LoRAs of a scan take in their sidecars.

    :param dry_run: tell what would be taken in and store nothing
    """

    def __init__(
        self, sidecars: Sidecars, *, begin: BeginUnitOfWork, clock: Clock, log: EventLog, dry_run: bool
    ) -> None:
        self._sidecars = sidecars
        self._begin = begin
        self._clock = clock
        self._log = log
        self._dry_run = dry_run

    async def fill(self, findings: Sequence[Finding]) -> list[Finding]:
        """The same findings; an unchanged LoRA that took something in has changed."""
        paths = {
            finding.lora_id: finding.path
            for finding in findings
            if finding.lora_id is not None
            and finding.outcome in _REGISTERED
            and self._sidecars.lie_beside(finding.path)
        }
        told: dict[UUID, Told] = {}
        filled: dict[UUID, Lora] = {}
        waiting = iter(paths.items())
        while batch := dict(islice(waiting, BATCH_FILES)):
            told |= await self._told(batch)
            filled |= await self._store({lora_id: told[lora_id] for lora_id in batch if lora_id in told})
        return [
            finding
            if finding.lora_id not in told or finding.outcome not in _REGISTERED
            else _retold(finding, told[finding.lora_id], filled.get(finding.lora_id))
            for finding in findings
        ]

    async def _told(self, paths: Mapping[UUID, str]) -> Mapping[UUID, Told]:
        async with self._begin() as uow:
            loras = await uow.loras.get(*paths)
        told = await self._sidecars.read({paths[lora.id]: lora.file.hashes for lora in loras if lora.file is not None})
        return {lora_id: told[path] for lora_id, path in paths.items() if path in told}

    async def _store(self, told: Mapping[UUID, Told]) -> Mapping[UUID, Lora]:
        """The LoRAs that took something in."""

        async def attempt() -> Mapping[UUID, Lora]:
            async with self._begin() as uow:
                now = self._clock.now()
                loras = [lora for lora in await uow.loras.get(*told) if lora.deleted_at is None]
                changes = [fill(lora, told[lora.id], now=now) for lora in loras]
                if not self._dry_run:
                    events = await save(uow, changes)
                    await uow.commit()
                    self._log.record(events)
            return {lora.id: lora for lora, events in changes if events}

        return await retried(attempt)


def _retold(finding: Finding, told: Told, filled: Lora | None) -> Finding:
    if filled is None:
        return replace(finding, reason="; ".join(told.problems) or finding.reason)
    outcome = Outcome.CHANGED if finding.outcome is Outcome.UNCHANGED else finding.outcome
    reason = "; ".join(("took in what its sidecars say", *told.problems))
    return replace(finding, outcome=outcome, name=filled.name, version=filled.version, reason=reason)
