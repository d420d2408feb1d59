"""Bring the registry up to date with the files on disk."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lora_manager.app.library.filling import Filling
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.app.library.settlement import BATCH_FILES, Read, Settlement
from lora_manager.app.library.sidecars import Sidecars
from lora_manager.app.library.tally import CountedInspection, Tally
from lora_manager.domain.errors import FileNotReadable, InvalidFile, Unavailable
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.file import Inspected
from lora_manager.domain.scan import Finding, FoundFile, KnownFile, Outcome, Progress, triage
from lora_manager.ports.catalog import LibraryReport
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.library import Examined, Library
from lora_manager.ports.unit_of_work import BeginUnitOfWork

BATCH_TIME = timedelta(seconds=1)  # what a killed scan has to read again
LARGE = 1 << 25  # bytes that take long enough to read for somebody to wait for a sign

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLibraryCommand:
    """What to scan.

    :param paths: folders (with all below them) and single files
    :param dry_run: report what would happen, change nothing
    :param sidecars: fill in what the sidecars of registered files say, too, where no user has said otherwise
    """

    paths: tuple[str, ...]
    dry_run: bool = False
    sidecars: bool = False


@dataclass(frozen=True, slots=True)
class ScanLibrary:
    """Find the LoRA files in folders, read those that are new or touched, and register, move or mark them.

    Every file gets a line in the report. What was found is stored every second, so an interrupted scan goes on where it
    stopped. A file that is no LoRA is named with its reason and the rest goes on. A new LoRA takes in what other tools
    left beside its file.
    """

    begin: BeginUnitOfWork
    report: LibraryReport
    library: Library
    clock: Clock
    identifiers: Identifiers
    log: EventLog

    async def __call__(self, command: ScanLibraryCommand, on_progress: OnProgress = lambda _: None) -> list[Finding]:
        """Scan and report; ``on_progress`` is called often, from any thread.

        :raises FileNotReadable: none of the paths exists and is readable
        :raises Unavailable: none of the paths' stores answers
        :raises OutsideLibrary: a path lies outside the library roots
        """
        run = _Run(self, dry_run=command.dry_run)
        findings = await run.scan(command.paths, on_progress)
        if command.sidecars:
            findings = await run.fill(findings)
        if not command.dry_run:
            counts = Counter(finding.outcome.value for finding in findings)
            self.log.record([Event(EventName.SCANNED, self.clock.now(), facts=counts)])
        return findings


class _Run:
    """One scan at work."""

    def __init__(self, use: ScanLibrary, *, dry_run: bool) -> None:
        self._use = use
        self._dry_run = dry_run
        self._sidecars = Sidecars(use.library)
        self._found: dict[str, FoundFile] = {}
        self._known: dict[UUID, KnownFile] = {}
        self._refused: dict[str, str] = {}
        self._settlement = Settlement(
            self._found,
            self._sidecars,
            begin=use.begin,
            library=use.library,
            clock=use.clock,
            identifiers=use.identifiers,
            log=use.log,
            dry_run=dry_run,
        )

    async def scan(self, paths: Sequence[str], on_progress: OnProgress) -> list[Finding]:
        await self._look([self._use.library.locate(path) for path in paths])
        work = triage(self._found.values(), self._known.values())
        await self._read(work.to_read, Tally(work.to_read, on_progress))
        await self._settlement.finish()
        await self._settlement.mark_lost(tuple(self._known.values()), self._refused)
        told = self._settlement.findings
        broken = {finding.path for finding in told if finding.outcome is Outcome.REJECTED}
        return [
            *told,
            *(_unchanged(known) for known in work.unchanged if not self._settlement.has_settled(known)),
            *(_rejected(path, reason) for path, reason in self._refused.items() if path not in broken),
        ]

    async def fill(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings, once the LoRAs that were registered before have taken in their sidecars."""
        use = self._use
        filling = Filling(self._sidecars, begin=use.begin, clock=use.clock, log=use.log, dry_run=self._dry_run)
        return await filling.fill(findings)

    async def _look(self, paths: Sequence[str]) -> None:
        """Find what is on disk and what is registered at or below the paths."""
        unreadable: dict[str, FileNotReadable | Unavailable] = {}
        for path in paths:
            try:
                listing = await self._use.library.list(path)
            except (FileNotReadable, Unavailable) as error:
                unreadable[path] = error
                continue
            self._found |= {file.path: file for file in listing.files}
            self._refused |= {file.path: file.reason for file in listing.refused}
            self._sidecars.add(listing.companions)
            known_files = await self._use.report.known_files(path)
            self._known |= {known.lora_id: known for known in known_files if not known.deleted}
        if len(unreadable) == len(paths) and unreadable:
            raise next(iter(unreadable.values()))
        # A disk or bucket that is not there holds up none of the others, and what is registered on it stays as it is.
        self._refused |= {path: _reason(error) for path, error in unreadable.items()}

    async def _read(self, files: Sequence[FoundFile], tally: Tally) -> None:
        """Read files; how far a large one is, is told while it is read."""
        large = [file.path for file in files if file.size_bytes >= LARGE]
        small = [file.path for file in files if file.size_bytes < LARGE]
        await self._take_in(self._use.library.examine(small, inspection_of), tally)
        await self._take_in(self._use.library.examine(large, lambda file: CountedInspection(file, tally)), tally)

    async def _take_in(self, examined: AsyncGenerator[Examined[Inspected], None], tally: Tally) -> None:
        """Settle files in batches, as they come."""
        batch: list[Read] = []
        since = self._use.clock.now()
        async with aclosing(examined) as results:
            async for result in results:
                tally.file_done(result.found)
                self._found[result.found.path] = result.found
                if isinstance(result.outcome, InvalidFile):
                    self._refused[result.found.path] = _reason(result.outcome)
                else:
                    batch.append((result.found, result.outcome))
                if len(batch) >= BATCH_FILES or self._use.clock.now() - since >= BATCH_TIME:
                    await self._settlement.add(batch)
                    batch, since = [], self._use.clock.now()
        await self._settlement.add(batch)


def _unchanged(known: KnownFile) -> Finding:
    return Finding(outcome=Outcome.UNCHANGED, path=known.path, lora_id=known.lora_id)


def _rejected(path: str, reason: str) -> Finding:
    return Finding(outcome=Outcome.REJECTED, path=path, reason=reason)


def _reason(error: InvalidFile | Unavailable) -> str:
    return error.reason if isinstance(error, FileNotReadable) else str(error)
