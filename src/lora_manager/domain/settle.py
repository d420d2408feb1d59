"""What a file that was read means for the registry: the rules of identity by content."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from uuid import UUID

from lora_manager.domain.events import Event
from lora_manager.domain.fields import TEXT_LIMITS, check_triggers
from lora_manager.domain.file.inspected import Inspected
from lora_manager.domain.file.record import FileRecord, FileState, name_from_stem, stem_of
from lora_manager.domain.lora import FACT_FIELDS, Change, Lora, LoraChanges, LoraFacts
from lora_manager.domain.provenance import Source
from lora_manager.domain.scan import Finding, FoundFile, Outcome
from lora_manager.domain.sidecar.told import NOTHING, Told
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation


def record_of(
    found: FoundFile, inspected: Inspected, *, now: datetime, state: FileState = FileState.PRESENT
) -> FileRecord:
    """What to remember of a file that was read."""
    return FileRecord(
        state=state,
        checked_at=now,
        size_bytes=inspected.size_bytes,
        modified_ns=found.modified_ns,
        hashes=inspected.hashes,
        network=inspected.network,
        embedded=inspected.embedded,
    )


def facts_of(inspected: Inspected) -> LoraFacts:
    """What the file says of itself, in the fields that a user may correct, as far as it keeps their limits."""
    title = inspected.embedded.title
    triggers = (Trigger(" ".join(text.split())) for text in inspected.trigger_candidates)
    return {
        "title": None if title is None else title[: TEXT_LIMITS["title"]].strip(),
        "description": inspected.embedded.description,
        "triggers": tuple(trigger for trigger in triggers if not any(check_triggers([trigger]))),
        "base_model": inspected.base_model.family,
    }


class Candidates:
    """The LoRAs that a file may turn out to be, found by path, content or name."""

    def __init__(self, loras: Iterable[Lora] = ()) -> None:
        self._loras: dict[UUID, Lora] = {}
        self._by_sha256: dict[str, set[UUID]] = defaultdict(set)
        self._by_path: dict[str, set[UUID]] = defaultdict(set)
        self._taken: set[tuple[str, str | None]] = set()
        for lora in loras:
            self.put(lora)

    def __contains__(self, lora_id: UUID) -> bool:
        return lora_id in self._loras

    def put(self, lora: Lora) -> None:
        """Add a LoRA, or replace its earlier value."""
        if (before := self._loras.get(lora.id)) is not None:
            self._by_path[before.file_path].discard(lora.id)
            self._by_sha256[before.sha256 or ""].discard(lora.id)
        self._loras[lora.id] = lora
        self._by_path[lora.file_path].add(lora.id)
        self._by_sha256[lora.sha256 or ""].add(lora.id)
        if lora.deleted_at is None:
            self._taken.add((lora.name, lora.version))

    def with_content(self, sha256: str) -> list[Lora]:
        """Those with this content, oldest first."""
        return [self._loras[lora_id] for lora_id in sorted(self._by_sha256[sha256])]

    def at(self, path: str) -> list[Lora]:
        """Those, not deleted, whose file this path is; where it is nobody's, the last one that went missing there."""
        here = [lora for i in sorted(self._by_path[path]) if (lora := self._loras[i]).deleted_at is None]
        there = [lora for lora in here if lora.file is None or lora.file.state is not FileState.MISSING]
        return there or sorted(here, key=lambda lora: lora.updated_at)[-1:]

    def free_version(self, name: str, inspected: Inspected) -> str | None:
        """The version to register the content under: none where the name is free, else a piece of its hash."""
        hashes = inspected.hashes
        options = (None, hashes.autov2, *(hashes.sha256[:length] for length in range(12, 65, 4)))
        return next(version for version in options if (name, version) not in self._taken)


@dataclass(frozen=True, slots=True)
class Settled:
    """The line of the report, and the LoRA to store where something changed (``is_new``: to add)."""

    finding: Finding
    lora: Lora | None = None
    events: tuple[Event, ...] = ()
    is_new: bool = False


def settle(
    found: FoundFile,
    inspected: Inspected,
    candidates: Candidates,
    *,
    held: Collection[UUID],
    new_id: Callable[[], UUID],
    now: datetime,
    told: Told = NOTHING,
) -> tuple[Settled, ...]:
    """Decide what a file is: known, touched, moved, a copy, changed, or new; one verdict for each entry it concerns.

    :param held: of the LoRAs with this content, those whose registered file is still there as it was read
    :param told: what its sidecars say, which a new LoRA takes in
    """
    same = candidates.with_content(inspected.hashes.sha256)
    owners = [lora for lora in same if lora.deleted_at is None]
    if here := [lora for lora in owners if lora.file_path == found.path]:
        return tuple(_read_again(Outcome.UNCHANGED, lora, found, inspected, now=now) for lora in here)
    if strays := [lora for lora in owners if lora.id not in held]:
        return tuple(_read_again(Outcome.MOVED, lora, found, inspected, now=now) for lora in strays)
    if owners:
        return (Settled(_finding(Outcome.DUPLICATE, found.path, owners[0], previous_path=owners[0].file_path)),)
    if replaced := candidates.at(found.path):
        return tuple(_read_again(Outcome.CHANGED, lora, found, inspected, now=now) for lora in replaced)
    if same:
        reason = f"its entry {same[0].id} ({same[0].name}) was deleted; restore the entry to have it back"
        return (Settled(Finding(outcome=Outcome.REJECTED, path=found.path, reason=reason)),)
    return (_added(found, inspected, candidates, told, lora_id=new_id(), now=now),)


class Turn(IntEnum):
    """When a file is settled.

    A file that was written over another one may have displaced content that lies elsewhere now, and its entry with it.
    So such a file waits until all others were read, and copies of it wait for it.
    """

    AT_ONCE = 0
    KNOWN_CONTENT = 1
    NEW_CONTENT = 2
    COPY_OF_NEW_CONTENT = 3


def turn_of(found: FoundFile, inspected: Inspected, candidates: Candidates, awaited: Collection[str]) -> Turn:
    """When this file is to be settled.

    :param awaited: the SHA-256 of the files that wait already
    """
    sha256 = inspected.hashes.sha256
    is_known = any(lora.deleted_at is None for lora in candidates.with_content(sha256))
    here = candidates.at(found.path)
    if here and all(lora.sha256 != sha256 for lora in here):
        return Turn.KNOWN_CONTENT if is_known else Turn.NEW_CONTENT
    return Turn.COPY_OF_NEW_CONTENT if sha256 in awaited and not is_known else Turn.AT_ONCE


def _finding(
    outcome: Outcome, path: str, lora: Lora, *, previous_path: str | None = None, reason: str | None = None
) -> Finding:
    return Finding(
        outcome=outcome,
        path=path,
        lora_id=lora.id,
        name=lora.name,
        version=lora.version,
        previous_path=previous_path,
        reason=reason,
    )


def _read_again(outcome: Outcome, lora: Lora, found: FoundFile, inspected: Inspected, *, now: datetime) -> Settled:
    changed, events = read_again(lora, found, inspected, now=now)
    previous_path = lora.file_path if outcome is Outcome.MOVED else None
    return Settled(_finding(outcome, found.path, changed, previous_path=previous_path), changed, events)


def _added(
    found: FoundFile, inspected: Inspected, candidates: Candidates, told: Told, *, lora_id: UUID, now: datetime
) -> Settled:
    stem = stem_of(found.path)
    name = name_from_stem(stem)
    facts = facts_of(inspected)
    said = {
        **dict.fromkeys(facts, Source.FILE),
        **dict.fromkeys(told.civitai, Source.CIVITAI),
        **dict.fromkeys(FACT_FIELDS & told.user.keys(), Source.USER),
    }
    version = candidates.free_version(name, inspected)
    fields: LoraChanges = {**facts, **told.civitai, **told.user, "name": name, "version": version}
    lora = Lora(
        id=lora_id,
        file_path=found.path,
        created_at=now,
        updated_at=now,
        file=record_of(found, inspected, now=now),
        validation=told.validation or Validation(),
        provenance=said,
        **fields,
    )
    renamed = f"registered as {name!r}: a name cannot hold all of {stem!r}"
    reasons = [renamed, *told.problems] if name != stem else told.problems
    reason = "; ".join(reasons) or None
    return Settled(_finding(Outcome.ADDED, found.path, lora, reason=reason), lora, (lora.created(),), is_new=True)


def gone(lora: Lora, *, now: datetime) -> Settled:
    """The file of this LoRA was not found where it should be, nor anywhere else."""
    return _lost(_finding(Outcome.MISSING, lora.file_path, lora), lora, FileState.MISSING, now=now)


def broken(lora: Lora, reason: str, *, now: datetime) -> Settled:
    """What lies where this LoRA is registered cannot be read as a LoRA any more."""
    finding = _finding(Outcome.REJECTED, lora.file_path, lora, reason=reason)
    return _lost(finding, lora, FileState.UNREADABLE, reason, now=now)


def _lost(finding: Finding, lora: Lora, state: FileState, detail: str | None = None, *, now: datetime) -> Settled:
    """The verdict on a LoRA without a file; that it has none any longer is news only once."""
    if lora.file is None or (lora.file.state, lora.file.detail) == (state, detail):
        return Settled(finding)
    return Settled(finding, *with_state(lora, state, detail, now=now))


def with_state(lora: Lora, state: FileState, detail: str | None = None, *, now: datetime) -> Change:
    """The LoRA whose file is in another state, everything else known of it kept."""
    if lora.file is None:
        return lora, ()
    return lora.observe(replace(lora.file, state=state, detail=detail, checked_at=now), now=now)


def read_again(lora: Lora, found: FoundFile, inspected: Inspected, *, now: datetime) -> Change:
    """The file of this LoRA was read again, where it is registered or where it moved to.

    Content other than the registered one makes it ``changed``; reading the same content once more makes it ``present``.
    """
    if lora.file is not None and inspected.hashes.sha256 == lora.file.hashes.sha256:
        record = _keeping_hashes(record_of(found, inspected, now=now), lora.file)
        return lora.observe(record, now=now, file_path=found.path)
    record = record_of(found, inspected, now=now, state=FileState.CHANGED)
    return lora.observe(record, now=now, **facts_of(inspected))


def _keeping_hashes(record: FileRecord, before: FileRecord) -> FileRecord:
    """The record with the hashes taken on request before, which are still those of the same content."""
    hashes = record.hashes
    crc32, blake3 = hashes.crc32 or before.hashes.crc32, hashes.blake3 or before.hashes.blake3
    return replace(record, hashes=replace(hashes, crc32=crc32, blake3=blake3))
