"""The rules of a scan: what has to be read, and what a scan's state is worth."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lora_manager.domain.file.record import FileState
from lora_manager.domain.scan import (
    STALE_AFTER,
    Finding,
    FoundFile,
    KnownFile,
    Outcome,
    Progress,
    Scan,
    ScanNotFound,
    ScanState,
    Triage,
    group,
    triage,
)
from tests.contract.examples import LATER, NOW, new_id

INK = FoundFile("/loras/ink", 10, 1_000)
FINDING = Finding(outcome=Outcome.ADDED, path="/loras/ink")


def known(
    path: str = INK.path,
    size_bytes: int | None = INK.size_bytes,
    modified_ns: int | None = INK.modified_ns,
    state: FileState | None = FileState.PRESENT,
    *,
    deleted: bool = False,
) -> KnownFile:
    return KnownFile(new_id(), path, size_bytes, modified_ns, state, deleted)


def a_scan() -> Scan:
    return Scan(id=new_id(), folders=("/loras",), dry_run=False, started_at=NOW, beat_at=NOW)


@pytest.mark.parametrize("state", [FileState.PRESENT, FileState.CHANGED])
def test_a_file_of_the_same_size_and_time_is_still_the_one_that_was_read(state: FileState) -> None:
    assert known(state=state).is_still(INK)


@pytest.mark.parametrize(
    "entry",
    [
        known(size_bytes=11),
        known(modified_ns=1_001),
        known(state=FileState.MISSING),
        known(state=FileState.UNREADABLE),
        known(size_bytes=None, modified_ns=None, state=None),
    ],
    ids=["size", "time", "missing", "unreadable", "never read"],
)
def test_a_file_that_may_have_changed_is_not_still_the_one_that_was_read(entry: KnownFile) -> None:
    assert not entry.is_still(INK)
    assert triage([INK], [entry]) == Triage((), (INK,))


def test_a_store_without_times_never_shows_a_file_to_be_unchanged() -> None:
    assert not known(modified_ns=None).is_still(replace(INK, modified_ns=None))


def test_an_unchanged_file_is_not_read() -> None:
    entry = known()
    assert triage([INK], [entry]) == Triage((entry,), ())


def test_a_deleted_entry_does_not_know_its_file() -> None:
    assert triage([INK], [known(deleted=True)]) == Triage((), (INK,))


def test_known_paths_are_read_before_new_ones() -> None:
    new, touched = FoundFile("/loras/a", 1, 1), replace(INK, modified_ns=2_000)
    assert triage([new, touched], [known()]).to_read == (touched, new)


def test_a_path_that_two_entries_hold_is_read_unless_both_are_unchanged() -> None:
    same, other = known(), known()
    assert triage([INK], [same, other]) == Triage((same, other), ())
    assert triage([INK], [same, known(size_bytes=11)]) == Triage((), (INK,))


def test_a_missing_entry_does_not_make_the_one_that_took_its_path_be_read() -> None:
    entry = known()
    assert triage([INK], [known(state=FileState.MISSING), entry]) == Triage((entry,), ())


def test_an_entry_whose_file_was_not_found_is_neither_unchanged_nor_read() -> None:
    assert triage([], [known()]) == Triage((), ())


def test_findings_are_grouped_by_outcome_each_ordered_by_path() -> None:
    b, a = replace(FINDING, path="/b"), replace(FINDING, path="/a")
    moved = replace(FINDING, outcome=Outcome.MOVED)
    groups = group([b, moved, a])
    assert list(groups) == list(Outcome)
    assert {outcome: found for outcome, found in groups.items() if found} == {
        Outcome.ADDED: [a, b],
        Outcome.MOVED: [moved],
    }


def test_a_beat_tells_progress_and_time_and_the_scan_goes_on() -> None:
    scan = a_scan()
    assert scan.beat(Progress(1, 2), now=LATER) == replace(scan, progress=Progress(1, 2), beat_at=LATER)


def test_a_scan_that_succeeds_keeps_its_findings_and_its_end() -> None:
    scan = a_scan().succeed([FINDING], now=LATER)
    assert (scan.state, scan.findings, scan.finished_at, scan.detail) == (
        ScanState.SUCCEEDED,
        (FINDING,),
        LATER,
        None,
    )


def test_a_scan_that_fails_says_why_and_keeps_what_is_done() -> None:
    scan = a_scan().fail("the disk is gone", [FINDING], now=LATER)
    assert (scan.state, scan.findings, scan.finished_at, scan.detail) == (
        ScanState.FAILED,
        (FINDING,),
        LATER,
        "the disk is gone",
    )


def test_a_running_scan_is_believed_for_as_long_as_it_may_be_silent() -> None:
    scan = a_scan()
    assert scan.as_of(NOW + STALE_AFTER) is scan


def test_a_scan_silent_for_longer_failed_when_it_was_last_heard_of() -> None:
    scan = a_scan().beat(Progress(1, 2), now=LATER).as_of(LATER + STALE_AFTER + timedelta(microseconds=1))
    assert (scan.state, scan.finished_at, scan.progress) == (ScanState.FAILED, LATER, Progress(1, 2))
    assert scan.detail is not None
    assert "start it again" in scan.detail


@pytest.mark.parametrize(
    "ended", [a_scan().succeed([], now=LATER), a_scan().fail("why", [], now=LATER)], ids=["succeeded", "failed"]
)
def test_a_scan_that_ended_stays_as_it_ended(ended: Scan) -> None:
    assert ended.as_of(LATER + timedelta(days=1)) is ended


def test_a_scan_that_is_not_there_is_named() -> None:
    scan_id = new_id()
    assert str(ScanNotFound(scan_id)) == f"there is no scan '{scan_id}'"
