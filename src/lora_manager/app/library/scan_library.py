"""Bring the registry up to date with the files on disk."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lora_manager.app.library.tally import CountedInspection, Tally
from lora_manager.domain.errors import Conflict, FileMissing, InvalidFile
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.file import Inspected
from lora_manager.domain.file.record import name_from_stem, stem_of
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Finding, FoundFile, KnownFile, Outcome, Progress, triage
from lora_manager.domain.settle import Candidates, Settled, broken, gone, is_replacement, settle
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.catalog import LibraryReport
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.unit_of_work import BeginUnitOfWork, UnitOfWork

BATCH_FILES = 200
BATCH_TIME = timedelta(seconds=1)  # what a killed scan has to read again
ATTEMPTS = 5  # against another scan that registers the same names at the same moment

OnProgress = Callable[[Progress], None]
Read = tuple[FoundFile, Inspected]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLibraryCommand:
    """What to scan.

    :param paths: folders (with all below them) and single files
    :param dry_run: report what would happen, change nothing
    """

    paths: tuple[str, ...]
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ScanLibrary:
    """Find the LoRA files in folders, read those that are new or touched, and register, move or mark them.

    Every file gets a line in the report. What was found is stored every second, so an interrupted scan goes on where it
    stopped. A file that is no LoRA is named with its reason and the rest goes on.
    """

    begin: BeginUnitOfWork
    report: LibraryReport
    blobs: BlobStore
    clock: Clock
    identifiers: Identifiers
    log: EventLog

    async def __call__(self, command: ScanLibraryCommand, on_progress: OnProgress = lambda _: None) -> list[Finding]:
        """Scan and report; ``on_progress`` is called often, from any thread.

        :raises FileNotReadable: a path does not exist or is not readable
        :raises OutsideLibrary: a path lies outside the library roots
        """
        run = _Run(self, dry_run=command.dry_run)
        findings = await run.scan(command.paths, on_progress)
        if not command.dry_run:
            self.log.record([Event(EventName.SCANNED, self.clock.now())])
        return findings


class _Run:
    """One scan at work."""

    def __init__(self, use: ScanLibrary, *, dry_run: bool) -> None:
        self._use = use
        self._dry_run = dry_run
        self._findings: list[Finding] = []
        self._found: dict[str, FoundFile] = {}
        self._known: dict[UUID, KnownFile] = {}
        self._refused: dict[str, str] = {}
        self._settled: set[UUID] = set()
        self._claimed: set[str] = set()  # paths that an entry moved to
        self._replacements: list[Read] = []
        self._imagined: list[Lora] = []  # what a dry run would have stored

    async def scan(self, paths: Sequence[str], on_progress: OnProgress) -> list[Finding]:
        for path in paths:
            await self._look(self._use.blobs.locate(path))
        work = triage(self._found.values(), self._known.values())
        await self._read(work.to_read, Tally(work.to_read, on_progress))
        for start in range(0, len(self._replacements), BATCH_FILES):
            await self._settle(self._replacements[start : start + BATCH_FILES], last=True)
        await self._mark_lost()
        self._findings += (
            Finding(outcome=Outcome.UNCHANGED, path=known.path, lora_id=known.lora_id)
            for known in work.unchanged
            if known.lora_id not in self._settled
        )
        self._findings += (
            Finding(outcome=Outcome.REJECTED, path=path, reason=reason) for path, reason in self._refused.items()
        )
        return self._findings

    async def _look(self, path: str) -> None:
        """Find what is on disk and what is registered at or below a path."""
        found, refused = await self._use.blobs.list(path)
        self._found |= {file.path: file for file in found}
        self._refused |= {file.path: file.reason for file in refused}
        self._known |= {known.lora_id: known for known in await self._use.report.known_files(path) if not known.deleted}

    async def _read(self, files: Sequence[FoundFile], tally: Tally) -> None:
        """Read files, several at a time, and settle them in batches."""
        batch: list[Read] = []
        since = self._use.clock.now()
        examined = self._use.blobs.examine(
            [file.path for file in files], lambda file: CountedInspection(file.size_bytes, tally)
        )
        async with aclosing(examined) as results:
            async for result in results:
                tally.file_done()
                self._found[result.found.path] = result.found
                if isinstance(result.outcome, InvalidFile):
                    self._refused[result.found.path] = str(result.outcome)
                else:
                    batch.append((result.found, result.outcome))
                if len(batch) >= BATCH_FILES or self._use.clock.now() - since >= BATCH_TIME:
                    await self._settle(batch)
                    batch, since = [], self._use.clock.now()
        await self._settle(batch)

    async def _settle(self, batch: Sequence[Read], *, last: bool = False) -> None:
        """Decide and store a batch in one transaction; again from the start when another scan was faster."""
        if not batch:
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                settled, deferred = await self._settle_once(batch, last=last)
            except Conflict:
                if attempt == ATTEMPTS:
                    raise
            else:
                self._replacements += deferred
                self._note(settled)
                return

    async def _settle_once(self, batch: Sequence[Read], *, last: bool) -> tuple[list[Settled], list[Read]]:
        now = self._use.clock.now()
        settled: list[Settled] = []
        deferred: list[Read] = []
        async with self._use.begin() as uow:
            candidates = await self._candidates(uow, batch)
            for found, inspected in batch:
                if not last and is_replacement(found, inspected, candidates):
                    deferred.append((found, inspected))
                    continue
                owners = candidates.with_content(inspected.hashes.sha256)
                held = {lora.id for lora in owners if await self._holds(lora)}
                new_id = self._use.identifiers.new
                verdicts = settle(found, inspected, candidates, held=held, new_id=new_id, now=now)
                for verdict in verdicts:
                    if verdict.lora is not None:
                        candidates.put(verdict.lora)
                settled += verdicts
            await self._store(uow, settled)
        return settled, deferred

    async def _candidates(self, uow: UnitOfWork, batch: Sequence[Read]) -> Candidates:
        """All that these files may turn out to be."""
        matching = await uow.loras.matching(
            paths={found.path for found, _ in batch},
            sha256s={inspected.hashes.sha256 for _, inspected in batch},
            names={name_from_stem(stem_of(found.path)) for found, _ in batch},
        )
        return Candidates([*matching, *self._imagined])

    async def _holds(self, lora: Lora) -> bool:
        """Whether the file that this LoRA is registered at is still the one that was read."""
        if lora.file is None:
            return False
        found = self._found.get(lora.file_path)
        if found is None:
            try:
                found = await self._use.blobs.stat(lora.file_path)
            except InvalidFile:
                return False
        return (found.size_bytes, found.modified_ns) == (lora.file.size_bytes, lora.file.modified_ns)

    async def _store(self, uow: UnitOfWork, settled: Sequence[Settled]) -> None:
        changed = [(verdict.lora, verdict.is_new) for verdict in settled if verdict.lora is not None and verdict.events]
        if self._dry_run:
            self._imagined += (lora for lora, _ in changed)
            return
        await uow.loras.add(*(lora for lora, is_new in changed if is_new))
        await uow.loras.save(*(lora for lora, is_new in changed if not is_new))
        await uow.commit()

    def _note(self, settled: Iterable[Settled]) -> None:
        """Take what was stored into the report, and tell of it."""
        for verdict in settled:
            self._findings.append(verdict.finding)
            if verdict.finding.outcome is Outcome.MOVED:
                self._claimed.add(verdict.finding.path)
            if verdict.lora is not None:
                self._settled.add(verdict.lora.id)
            if not self._dry_run:
                self._use.log.record(verdict.events)

    async def _mark_lost(self) -> None:
        """Mark the entries whose file is nowhere, cannot be read any more, or whose place another entry has taken."""
        suspects = [known for known in self._known.values() if known.lora_id not in self._settled]
        lost = [known.lora_id for known in suspects if await self._is_lost(known)]
        ruined = {known.lora_id: self._refused[known.path] for known in suspects if known.path in self._refused}
        doomed = [*lost, *ruined]
        for start in range(0, len(doomed), BATCH_FILES):
            now = self._use.clock.now()
            async with self._use.begin() as uow:
                loras = await uow.loras.get(*doomed[start : start + BATCH_FILES])
                settled = [
                    broken(lora, ruined[lora.id], now=now) if lora.id in ruined else gone(lora, now=now)
                    for lora in loras
                    if lora.deleted_at is None
                ]
                await self._store(uow, settled)
            self._note(settled)
        for known in suspects:
            self._refused.pop(known.path, None)  # told as the broken entry that it is

    async def _is_lost(self, known: KnownFile) -> bool:
        """Whether nothing of this entry is there; a folder that cannot be read just now loses nothing."""
        if known.path in self._found or known.path in self._refused:
            return known.path in self._claimed
        try:
            await self._use.blobs.stat(known.path)
        except FileMissing:
            return True
        except InvalidFile:
            return False
        return False
