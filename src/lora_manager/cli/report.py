"""What a scan found, for people and for machines."""

from collections.abc import Callable, Sequence

from lora_manager.cli.output import print_json, say
from lora_manager.domain.scan import Finding, Outcome, group

LISTED = 50  # lines that a person reads of one kind

_DETAILS: tuple[tuple[str, Outcome, Callable[[Finding], str]], ...] = (
    ("Registered, but", Outcome.ADDED, lambda finding: f"{finding.path}: {finding.reason}"),
    ("Moved", Outcome.MOVED, lambda finding: _with_reason(f"{finding.previous_path} -> {finding.path}", finding)),
    ("Changed", Outcome.CHANGED, lambda finding: _with_reason(f"{finding.path} ({finding.name})", finding)),
    ("Missing", Outcome.MISSING, lambda finding: f"{finding.path} ({finding.name})"),
    ("Unchanged, but", Outcome.UNCHANGED, lambda finding: f"{finding.path}: {finding.reason}"),
    ("Duplicate", Outcome.DUPLICATE, lambda finding: f"{finding.path} is the same as {finding.previous_path}"),
    ("Rejected", Outcome.REJECTED, lambda finding: f"{finding.path}: {finding.reason}"),
)


def print_report(findings: Sequence[Finding], *, dry_run: bool) -> None:
    """A count of every outcome, then the files that somebody may want to do something about."""
    groups = group(findings)
    for outcome, members in groups.items():
        say(f"{len(members):>9,}  {outcome}")
    for title, outcome, line_of in _DETAILS:
        print_section(title, [line_of(finding) for finding in groups[outcome] if _is_worth_a_line(finding)])
    if dry_run:
        say()
        say("This was a dry run: nothing was changed.")


def print_report_as_json(findings: Sequence[Finding]) -> None:
    """One object: for each outcome a list of its files."""
    from lora_manager.http.schemas.scans import FindingResource

    groups = group(findings).items()
    print_json({outcome.value: [FindingResource.of(finding) for finding in members] for outcome, members in groups})


def _is_worth_a_line(finding: Finding) -> bool:
    return finding.outcome not in {Outcome.ADDED, Outcome.UNCHANGED} or finding.reason is not None


def _with_reason(line: str, finding: Finding) -> str:
    return line if finding.reason is None else f"{line}: {finding.reason}"


def print_section(title: str, lines: Sequence[str]) -> None:
    """A heading and its lines, the first ones where there are many; nothing where there is none."""
    if not lines:
        return
    say()
    say(f"{title}:")
    for line in lines[:LISTED]:
        say(f"  {line}")
    if len(lines) > LISTED:
        say(f"  ... and {len(lines) - LISTED:,} more; --json lists all of them")
