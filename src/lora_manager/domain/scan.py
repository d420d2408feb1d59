"""A scan of the library: files found on disk held against files known to the registry.

Identity is content. A file whose bytes are registered already is that LoRA, wherever it lies; a registered path whose
bytes are new is a changed LoRA.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from lora_manager.domain.errors import NotFound
from lora_manager.domain.file.record import FileState

STALE_AFTER = timedelta(seconds=60)  # a running scan reports at least every few seconds


class ScanNotFound(NotFound):
    """No scan has this id."""

    def __init__(self, scan_id: UUID) -> None:
        self.scan_id = scan_id
        super().__init__(f"there is no scan {str(scan_id)!r}")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as the store lists it.

    :param modified_ns: nanoseconds since 1970, None where the store keeps no such time
    """

    path: str
    size_bytes: int
    modified_ns: int | None


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the registry knows it; ``size_bytes`` and ``modified_ns`` are None until somebody looked."""

    lora_id: UUID
    path: str
    size_bytes: int | None
    modified_ns: int | None
    state: FileState | None
    deleted: bool

    def is_still(self, found: FoundFile) -> bool:
        """Whether the file on disk is, by size and time, the one that was read."""
        return (
            self.modified_ns is not None
            and (self.size_bytes, self.modified_ns) == (found.size_bytes, found.modified_ns)
            and self.state in {FileState.PRESENT, FileState.CHANGED}
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that is not registered, and why; the reason is a sentence for the user."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Triage:
    """What a scan can skip and what it has to read; ``to_read`` begins with the paths that are known."""

    unchanged: tuple[KnownFile, ...]
    to_read: tuple[FoundFile, ...]


def triage(found: Iterable[FoundFile], known: Iterable[KnownFile]) -> Triage:
    """Sort the files found and known; an unchanged file (size, time) is never read again."""
    by_path: dict[str, list[KnownFile]] = defaultdict(list)
    for entry in known:
        if not entry.deleted:
            by_path[entry.path].append(entry)
    unchanged: list[KnownFile] = []
    touched: list[FoundFile] = []
    new: list[FoundFile] = []
    for file in found:
        entries = by_path.get(file.path, [])
        still = [entry for entry in entries if entry.is_still(file)]
        # An entry that is missing may have left its path to another one.
        if still and all(entry in still or entry.state is FileState.MISSING for entry in entries):
            unchanged += still
        else:
            # Known paths are read first: a copy of a merely touched file is then seen to be a copy, not a move.
            (touched if entries else new).append(file)
    return Triage(tuple(unchanged), (*touched, *new))


class Outcome(StrEnum):
    """What a scan says of one file."""

    ADDED = "added"
    MOVED = "moved"
    CHANGED = "changed"
    MISSING = "missing"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a scan's report.

    :param path: where the file is (or, missing, was)
    :param lora_id: the entry it belongs to, or duplicates; None for a rejected file
    :param previous_path: where a moved file was; for a duplicate, where the registered file is
    :param reason: why it was rejected, or what the user should know
    """

    outcome: Outcome
    path: str
    lora_id: UUID | None = None
    name: str | None = None
    version: str | None = None
    previous_path: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is; ``files`` and ``bytes`` count what has to be read, not what is unchanged."""

    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0


def group(findings: Sequence[Finding]) -> Mapping[Outcome, list[Finding]]:
    """The findings by outcome, every outcome present, each ordered by path."""
    groups: dict[Outcome, list[Finding]] = {outcome: [] for outcome in Outcome}
    for finding in sorted(findings, key=lambda f: f.path):
        groups[finding.outcome].append(finding)
    return groups


class ScanState(StrEnum):
    """Where a scan stands; only ``running`` is left for another state."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One scan.

    :param folders: what is scanned
    :param beat_at: when the process that runs it last said so
    :param detail: why it failed
    """

    id: UUID
    folders: tuple[str, ...]
    dry_run: bool
    started_at: datetime
    beat_at: datetime
    state: ScanState = ScanState.RUNNING
    finished_at: datetime | None = None
    progress: Progress = Progress()
    findings: tuple[Finding, ...] = ()
    detail: str | None = None

    def beat(self, progress: Progress, *, now: datetime) -> "Scan":
        """Still at work."""
        return replace(self, progress=progress, beat_at=now)

    def succeed(self, findings: Collection[Finding], *, now: datetime) -> "Scan":
        """Done; every file is accounted for."""
        return replace(self, state=ScanState.SUCCEEDED, findings=tuple(findings), beat_at=now, finished_at=now)

    def fail(self, detail: str, findings: Collection[Finding], *, now: datetime) -> "Scan":
        """Stopped early; what the findings name is done and kept."""
        return replace(
            self, state=ScanState.FAILED, detail=detail, findings=tuple(findings), beat_at=now, finished_at=now
        )

    def as_of(self, now: datetime) -> "Scan":
        """The scan as it is to be believed: one that stopped reporting was interrupted with its process."""
        if self.state is ScanState.RUNNING and now - self.beat_at > STALE_AFTER:
            detail = "the process that ran it ended; what it had registered is kept, start it again for the rest"
            return replace(self, state=ScanState.FAILED, detail=detail, finished_at=self.beat_at)
        return self
