"""Scans of the library."""

from collections.abc import Iterable
from typing import Annotated, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, convert

from lora_manager.domain.scan import Finding, Outcome, Scan, ScanState, group
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.input import Input


class ScanInput(Input, frozen=True, kw_only=True):
    """What to scan."""

    root: Annotated[
        str | None,
        Meta(description="A folder inside the library; without it every library root", examples=["/loras/style"]),
    ] = None
    dry_run: Annotated[bool, Meta(description="Report what would happen and change nothing")] = False


class FindingResource(Struct, frozen=True):
    """One file of the report; what there is nothing to say of is absent."""

    path: str
    id: UUID | UnsetType = UNSET
    name: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    previous_path: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The finding as clients see it."""
        return cls(
            path=finding.path,
            id=UNSET if finding.lora_id is None else finding.lora_id,
            name=UNSET if finding.name is None else finding.name,
            version=UNSET if finding.version is None else finding.version,
            previous_path=UNSET if finding.previous_path is None else finding.previous_path,
            reason=UNSET if finding.reason is None else finding.reason,
        )


class ProgressResource(Struct, frozen=True):
    """How far the reading is; unchanged files are not read and do not count."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int


Findings = tuple[FindingResource, ...]


class ScanResource(Struct, frozen=True, kw_only=True):
    """A scan and its report, which is complete once the state is no longer `running`."""

    id: UUID
    state: ScanState
    detail: Annotated[str | None, Meta(description="Why it failed")]
    folders: tuple[str, ...]
    dry_run: bool
    progress: ProgressResource
    started_at: f.Moment
    finished_at: f.Moment | None
    added: Findings
    moved: Findings
    changed: Findings
    missing: Findings
    unchanged: Findings
    duplicate: Findings
    rejected: Findings

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """The scan as clients see it."""
        findings = group(scan.findings)
        return cls(
            id=scan.id,
            state=scan.state,
            detail=scan.detail,
            folders=scan.folders,
            dry_run=scan.dry_run,
            progress=convert(scan.progress, ProgressResource, from_attributes=True),
            started_at=f.moment(scan.started_at),
            finished_at=f.moment_or_none(scan.finished_at),
            added=_resources(findings[Outcome.ADDED]),
            moved=_resources(findings[Outcome.MOVED]),
            changed=_resources(findings[Outcome.CHANGED]),
            missing=_resources(findings[Outcome.MISSING]),
            unchanged=_resources(findings[Outcome.UNCHANGED]),
            duplicate=_resources(findings[Outcome.DUPLICATE]),
            rejected=_resources(findings[Outcome.REJECTED]),
        )


class ScanAnswer(Struct, frozen=True):
    """One scan."""

    scan: ScanResource

    @classmethod
    def of(cls, scan: Scan) -> Self:
        """The scan as clients see it."""
        return cls(ScanResource.of(scan))


def _resources(findings: Iterable[Finding]) -> Findings:
    return tuple(map(FindingResource.of, findings))
