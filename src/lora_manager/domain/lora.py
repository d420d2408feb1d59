"""The LoRA: one registered file with its name, weight, place and history."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.fields import (
    MAX_WEIGHT,
    TEXT_LIMITS,
    check_number,
    check_ordinal,
    check_path,
    check_tags,
    check_text,
    check_triggers,
    check_url,
    clean_tags,
)
from lora_manager.domain.file.record import FileRecord, name_problem, stem_of
from lora_manager.domain.provenance import Source
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation


class LoraFacts(TypedDict, total=False):
    """What a file or CivitAI may tell, and the user may correct."""

    title: str | None
    description: str | None
    triggers: tuple[Trigger, ...]
    base_model: str | None
    preview_url: str | None


class LoraChanges(LoraFacts, total=False):
    """What a user may change; an absent key stays untouched, None clears where None is allowed."""

    name: str
    version: str | None
    tags: tuple[str, ...]
    weight: float
    te_weight: float | None
    active: bool
    ordinal: int | None
    archetype: str | None
    archetype_confidence: float | None


FACT_FIELDS = frozenset(LoraFacts.__annotations__)
OrderKey = tuple[float, str, str, UUID]
Change = tuple["Lora", tuple[Event, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """A registered LoRA. Every change returns a new value with the next revision, and the events that tell of it.

    :param id: a UUIDv7; never changes
    :param name: 1..200 characters, goes into the prompt token
    :param file_path: absolute local path or ``s3://bucket/key``
    :param weight: -100..100; 0 is 0
    :param te_weight: the text encoder's weight where it differs from ``weight``
    :param ordinal: place in the composition; None comes after every number
    :param archetype_confidence: 0..1
    :param file: what is known of the file; None until somebody looked
    :param provenance: who set each of :data:`FACT_FIELDS`; a field nobody set is absent
    :param revision: 1 at creation, then one more with every change
    :param deleted_at: None while the entry lives
    :raises InvalidFields: naming every field that breaks its limit
    """

    id: UUID
    name: str
    file_path: str
    created_at: datetime
    updated_at: datetime
    version: str | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    weight: float = 1.0
    te_weight: float | None = None
    active: bool = False
    ordinal: int | None = None
    triggers: tuple[Trigger, ...] = ()
    archetype: str | None = None
    archetype_confidence: float | None = None
    base_model: str | None = None
    preview_url: str | None = None
    file: FileRecord | None = None
    validation: Validation = field(default_factory=Validation)
    provenance: Mapping[str, Source] = field(default_factory=dict, hash=False)
    revision: int = 1
    deleted_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tags", clean_tags(self.tags))
        if problems := tuple(self._problems()):
            raise InvalidFields(problems)
        object.__setattr__(self, "weight", self.weight + 0.0)  # an int becomes a float, -0.0 becomes 0.0
        if self.te_weight is not None:
            object.__setattr__(self, "te_weight", self.te_weight + 0.0)

    def _problems(self) -> Iterator[InvalidField]:
        if reason := name_problem(self.name):
            yield InvalidField("name", reason)
        yield from check_path(self.file_path)
        for text_field in TEXT_LIMITS:
            yield from check_text(text_field, getattr(self, text_field))
        yield from check_url(self.preview_url)
        yield from check_number("weight", self.weight, -MAX_WEIGHT, MAX_WEIGHT)
        yield from check_number("te_weight", self.te_weight, -MAX_WEIGHT, MAX_WEIGHT)
        yield from check_number("archetype_confidence", self.archetype_confidence, 0, 1)
        yield from check_ordinal(self.ordinal)
        yield from check_tags(self.tags)
        yield from check_triggers(self.triggers)
        for moment in (self.created_at, self.updated_at):
            if moment.utcoffset() != timedelta(0):
                yield InvalidField("created_at, updated_at", "must be in UTC")

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the file as last verified, 64 lower-case hex digits."""
        return self.file.hashes.sha256 if self.file else None

    @property
    def size_bytes(self) -> int | None:
        """The size of the file as last verified."""
        return self.file.size_bytes if self.file else None

    @property
    def file_stem(self) -> str:
        """The file's name without folder and extension: what a runtime looks a token's name up by."""
        return stem_of(self.file_path)

    @property
    def order_key(self) -> OrderKey:
        """Sorts LoRAs canonically: ordinal (none comes last), name by code point, version (none comes first), id."""
        return (math.inf if self.ordinal is None else self.ordinal, self.name, self.version or "", self.id)

    def revise(self, *, now: datetime, **changes: Unpack[LoraChanges]) -> Change:
        """The LoRA as the user wants it; facts set here are the user's from now on.

        :raises InvalidFields: naming every field that breaks its limit
        """
        said = dict.fromkeys(FACT_FIELDS & changes.keys(), Source.USER)
        return self._changed(now, {**changes, "provenance": {**self.provenance, **said}})

    def activate(self, *, now: datetime, ordinal: int | None = None) -> Change:
        """Take the LoRA into the composition; without an ordinal it keeps the one it has."""
        changes: dict[str, object] = {"active": True}
        if ordinal is not None:
            changes["ordinal"] = ordinal
        return self._changed(now, changes)

    def deactivate(self, *, now: datetime) -> Change:
        """Take the LoRA out of the composition; it keeps its ordinal."""
        return self._changed(now, {"active": False})

    def learn(self, source: Source, *, now: datetime, **facts: Unpack[LoraFacts]) -> Change:
        """Take in what a source says, but only where no better source spoke (:class:`Source` ranks them)."""
        return self._changed(now, self._accepted(source, facts))

    def observe(
        self, file: FileRecord, *, now: datetime, file_path: str | None = None, **facts: Unpack[LoraFacts]
    ) -> Change:
        """The file was looked at: its new state, perhaps its new path, and what it says of itself."""
        seen: dict[str, object] = {"file": file, **self._accepted(Source.FILE, facts)}
        if file_path is not None:
            seen["file_path"] = file_path
        return self._changed(now, seen)

    def conclude(self, validation: Validation, *, now: datetime, **facts: Unpack[LoraFacts]) -> Change:
        """An outside registry answered: what it said of the file, and what it knows besides that no user has set."""
        return self._changed(now, {"validation": validation, **self._accepted(Source.CIVITAI, facts)})

    def delete(self, *, now: datetime) -> Change:
        """Take the entry out of the registry; it can be restored, and the file is never touched."""
        return self._changed(now, {"deleted_at": self.deleted_at or now}, EventName.DELETED)

    def restore(self, *, now: datetime) -> Change:
        """Bring a deleted entry back as it was."""
        return self._changed(now, {"deleted_at": None}, EventName.RESTORED)

    def created(self) -> Event:
        """The event that tells of this LoRA's registration."""
        return Event(EventName.CREATED, self.created_at, self.id)

    def _accepted(self, source: Source, facts: LoraFacts) -> dict[str, object]:
        accepted = {name: fact for name, fact in facts.items() if self.provenance.get(name, source).yields_to(source)}
        return {**accepted, "provenance": {**self.provenance, **dict.fromkeys(accepted, source)}}

    def _changed(self, now: datetime, changes: Mapping[str, object], name: EventName = EventName.UPDATED) -> Change:
        """The one way a LoRA changes: nothing new means no new revision and no event."""
        moment = max(now, self.updated_at)  # a clock set back must not let history run backwards
        candidate: Lora = replace(self, **changes, revision=self.revision + 1, updated_at=moment)  # type: ignore[arg-type]
        touched = tuple(sorted(f for f in changes if getattr(candidate, f) != getattr(self, f) and f != "provenance"))
        if not touched and candidate.provenance == self.provenance:
            return self, ()
        rest = tuple(field for field in touched if field != "active")
        if rest == touched:
            return candidate, (Event(name, moment, self.id, touched),)
        switched = Event(
            EventName.ACTIVATED if candidate.active else EventName.DEACTIVATED, moment, self.id, ("active",)
        )
        return candidate, (switched, Event(name, moment, self.id, rest)) if rest else (switched,)
