"""Bring the published metadata into line with the registry."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from lora_manager.app.all_loras import all_loras
from lora_manager.app.metadata.publisher import BATCH, Overtaken, Publisher, Withdrawn
from lora_manager.domain.lora import Lora
from lora_manager.domain.publication import Publication, PublicationState
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.metadata_sink import MetadataSink
from lora_manager.ports.publications import PublicationCatalog
from lora_manager.ports.unit_of_work import BeginUnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncMetadataCommand:
    """What to bring into line.

    :param changed: only what is known to be out of date, without looking at what is published
    :param dry_run: tell what would be done, and do nothing
    """

    changed: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class SyncReport:
    """What became of the documents.

    :param failed: why, by LoRA
    :param foreign: documents of LoRAs that this registry never had; they are left alone
    """

    published: list[UUID] = field(default_factory=list)
    withdrawn: list[UUID] = field(default_factory=list)
    unchanged: int = 0
    foreign: int = 0
    failed: dict[UUID, str] = field(default_factory=dict)


OnSynced = Callable[[int, int], None]
"""Called with how many documents are done, and how many there are to do."""


@dataclass(frozen=True, slots=True)
class SyncMetadata:
    """Publish every document that is missing or out of date, and withdraw those of LoRAs that were deleted.

    A document that is as it should be is not written again. What was done is kept when it is interrupted.
    """

    begin: BeginUnitOfWork
    catalog: LoraCatalog
    publications: PublicationCatalog
    sink: MetadataSink
    publisher: Publisher

    async def __call__(
        self, command: SyncMetadataCommand, on_progress: OnSynced = lambda _done, _all: None
    ) -> SyncReport:
        """Do it and report; what fails for one LoRA is reported, and is tried again by a service that publishes.

        :raises Unavailable: where documents are published, nothing answers
        """
        report = SyncReport()
        # First what is published: whatever is published later is then of a LoRA that is read here.
        there = None if command.changed else await self._published()
        known = {one.lora_id: one async for one in self.publications.all()}
        living: set[UUID] = set()
        outdated = []
        async for lora in all_loras(self.catalog):
            living.add(lora.id)
            if _is_up_to_date(lora, known.get(lora.id), there):
                report.unchanged += 1
            else:
                outdated.append(lora.id)
        left = [lora_id for lora_id, one in known.items() if one.uri is not None or one.waiting_since is not None]
        suspects = [lora_id for lora_id in dict.fromkeys([*(there or ()), *left]) if lora_id not in living]
        registered = await self._registered(suspects)
        deleted = [lora.id for lora in registered if lora.deleted_at is not None]
        report.foreign = len(suspects) - len(registered)
        if command.dry_run:
            report.published, report.withdrawn = outdated, deleted
        else:
            await self._work(report, [*outdated, *deleted], on_progress)
        return report

    async def _work(self, report: SyncReport, todo: Sequence[UUID], on_progress: OnSynced) -> None:
        on_progress(0, len(todo))
        for start in range(0, len(todo), BATCH):
            for lora_id, outcome in (await self.publisher.publish(todo[start : start + BATCH])).items():
                if isinstance(outcome, Withdrawn):
                    report.withdrawn.append(lora_id)
                elif isinstance(outcome, str):
                    report.failed[lora_id] = outcome
                elif isinstance(outcome, Overtaken):
                    report.unchanged += 1
                else:
                    report.published.append(lora_id)
            on_progress(min(start + BATCH, len(todo)), len(todo))

    async def _published(self) -> Mapping[UUID, str]:
        async with aclosing(self.sink.list()) as documents:
            return {document.lora_id: document.version async for document in documents}

    async def _registered(self, lora_ids: Sequence[UUID]) -> Sequence[Lora]:
        """Those of them that this registry has or had; what another one publishes to the same place is not its own."""
        async with self.begin() as uow:
            return await uow.loras.get(*lora_ids)


def _is_up_to_date(lora: Lora, known: Publication | None, there: Mapping[UUID, str] | None) -> bool:
    """Whether the document is as it should be.

    :param there: the versions of the documents that are published; None: nobody looked
    """
    if known is None or known.state is not PublicationState.SYNCED or known.published_revision != lora.revision:
        return False
    return there is None or there.get(lora.id) == known.version
