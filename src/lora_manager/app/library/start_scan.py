"""Scan the library in the background."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lora_manager.app.library.scan_library import ScanLibrary, ScanLibraryCommand
from lora_manager.domain.errors import Failure
from lora_manager.domain.scan import Finding, Progress, Scan
from lora_manager.ports.clock import Clock
from lora_manager.ports.identifiers import Identifiers
from lora_manager.ports.unit_of_work import BeginUnitOfWork

_logger = logging.getLogger(__name__)
BEAT = timedelta(seconds=5)


class StartScan:
    """Scan the library, or one folder of it, in the background.

    The scan and its report are stored; ask for them by the scan's id. A dry run reports what would happen and changes
    nothing.
    """

    def __init__(
        self,
        begin: BeginUnitOfWork,
        scan_library: ScanLibrary,
        clock: Clock,
        identifiers: Identifiers,
        roots: Sequence[str],
    ) -> None:
        self._begin = begin
        self._scan_library = scan_library
        self._clock = clock
        self._identifiers = identifiers
        self._roots = tuple(roots)
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, root: str | None = None, *, dry_run: bool = False) -> Scan:
        """Start and return the running scan.

        :param root: a folder inside the library; None scans every library root
        :raises InvalidFile: the folder lies outside the library roots, or is no path
        """
        folders = self._roots if root is None else (self._scan_library.library.locate(root),)
        now = self._clock.now()
        scan = Scan(id=self._identifiers.new(), folders=folders, dry_run=dry_run, started_at=now, beat_at=now)
        await self._put(scan)
        task = asyncio.create_task(self._run(scan))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return scan

    async def aclose(self) -> None:
        """Stop what runs; each scan is left as failed, with what it registered kept."""
        tasks = tuple(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, scan: Scan) -> None:
        latest = [Progress()]
        heart = asyncio.create_task(self._beat(scan, latest))
        findings: list[Finding] = []
        try:
            command = ScanLibraryCommand(paths=scan.folders, dry_run=scan.dry_run)
            findings = await self._scan_library(command, lambda progress: latest.__setitem__(0, progress))
            outcome = None
        except Failure as error:
            outcome = str(error)
        except asyncio.CancelledError:
            outcome = "the service was stopped; what was registered is kept, start the scan again for the rest"
        except Exception:
            _logger.exception("scan %s stopped on a fault of the service", scan.id)
            outcome = "a fault of the service stopped it; the service's log says more"
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
        scan = scan.beat(latest[0], now=self._clock.now())
        now = self._clock.now()
        await self._put(scan.succeed(findings, now=now) if outcome is None else scan.fail(outcome, findings, now=now))

    async def _beat(self, scan: Scan, latest: Sequence[Progress]) -> None:
        """Tell now and then that the scan is alive and how far it is."""
        while True:
            await asyncio.sleep(BEAT.total_seconds())
            await self._put(scan.beat(latest[0], now=self._clock.now()))

    async def _put(self, scan: Scan) -> None:
        async with self._begin() as uow:
            await uow.scans.put(scan)
            await uow.commit()


@dataclass(frozen=True, slots=True)
class ShowScan:
    """Show a scan: how far it is, and when it is done, what became of every file."""

    begin: BeginUnitOfWork
    clock: Clock

    async def __call__(self, scan_id: UUID) -> Scan:
        """The scan as of now; one whose process died is failed.

        :raises ScanNotFound: there is none with this id
        """
        async with self.begin() as uow:
            scan = await uow.scans.get(scan_id)
        return scan.as_of(self.clock.now())
