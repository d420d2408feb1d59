"""The rules over many LoRAs, and an immutable registry that keeps them in memory.

An embedder registers, activates, orders and composes with this value alone; the use cases keep the same rules in a
database.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Unpack
from uuid import UUID

from lora_manager.domain.errors import Conflict, InvalidField, InvalidFields, LoraNotFound, NameTaken
from lora_manager.domain.events import Event
from lora_manager.domain.lora import Change, Lora, LoraChanges
from lora_manager.domain.prompt import Composition, CompositionOptions, active_members, compose

FIRST_ORDINAL = 1
_EMPTY_AUTOV3 = "e3b0c44298fc"  # SHA-256 of nothing: a file without tensors, which is the same as no other


class SharedBy(StrEnum):
    """What the members of a duplicate group share."""

    SHA256 = "sha256"
    AUTOV3 = "autov3"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """LoRAs that share something; ``lora_ids`` are ordered, two or more."""

    by: SharedBy
    value: str
    lora_ids: tuple[UUID, ...]


def duplicates(loras: Iterable[Lora]) -> tuple[DuplicateGroup, ...]:
    """The groups of equal files, then of equal tensors in different files (AutoV3), then of equal names.

    Each kind is ordered by the shared value. Deleted LoRAs do not count.
    """
    living = [lora for lora in loras if lora.deleted_at is None]
    filed = [(lora, lora.file.hashes) for lora in living if lora.file is not None]
    contents = {lora.id: hashes.sha256 for lora, hashes in filed}
    autov3 = [(lora.id, hashes.autov3) for lora, hashes in filed if hashes.autov3 != _EMPTY_AUTOV3]
    same_tensors = [g for g in _groups(SharedBy.AUTOV3, autov3) if len({contents[i] for i in g.lora_ids}) > 1]
    return (
        *_groups(SharedBy.SHA256, contents.items()),
        *same_tensors,
        *_groups(SharedBy.NAME, ((lora.id, lora.name) for lora in living)),
    )


def _groups(by: SharedBy, values: Iterable[tuple[UUID, str]]) -> Iterator[DuplicateGroup]:
    members: dict[str, list[UUID]] = defaultdict(list)
    for lora_id, value in values:
        members[value].append(lora_id)
    for value, lora_ids in sorted(members.items()):
        if len(lora_ids) > 1:
            yield DuplicateGroup(by, value, tuple(sorted(lora_ids)))


def reorder(loras: Sequence[Lora], *, now: datetime) -> list[Change]:
    """Give the LoRAs the ordinals 1, 2, 3 ... in the order they come."""
    return [lora.revise(now=now, ordinal=place) for place, lora in enumerate(loras, FIRST_ORDINAL)]


def check_distinct(ids: Sequence[UUID]) -> None:
    """Refuse a list that names a LoRA twice.

    :raises InvalidFields: it does
    """
    seen: set[UUID] = set()
    repeated = [index for index, lora_id in enumerate(ids) if lora_id in seen or seen.add(lora_id)]  # type: ignore[func-returns-value]  # the classic one-pass idiom
    if repeated:
        raise InvalidFields(InvalidField(f"ids[{index}]", "is in the list already") for index in repeated)


Step = tuple["Registry", tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class Registry:
    """LoRAs by id; every change returns the new registry and the events that tell of it.

    >>> Registry().compose().prompt
    ''
    """

    loras: Mapping[UUID, Lora] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def get(self, lora_id: UUID) -> Lora:
        """The LoRA with this id.

        :raises LoraNotFound: there is none, or it was deleted
        """
        lora = self.loras.get(lora_id)
        if lora is None or lora.deleted_at is not None:
            raise LoraNotFound(lora_id)
        return lora

    def register(self, lora: Lora) -> Step:
        """Take in a new LoRA.

        :raises NameTaken: its name and version belong to another
        :raises Conflict: its id is registered
        """
        if lora.id in self.loras:
            raise Conflict(f"an adapter with the id {lora.id} is already registered")
        return self._with([(lora, (lora.created(),))])

    def revise(self, lora_id: UUID, *, now: datetime, **changes: Unpack[LoraChanges]) -> Step:
        """Change fields of one LoRA.

        :raises LoraNotFound: see :meth:`get`
        :raises NameTaken: the new name and version belong to another
        :raises InvalidFields: naming every field that breaks its limit
        """
        return self._with([self.get(lora_id).revise(now=now, **changes)])

    def activate(self, lora_id: UUID, *, now: datetime, ordinal: int | None = None) -> Step:
        """Take a LoRA into the composition; doing it again changes nothing.

        :raises LoraNotFound: see :meth:`get`
        """
        return self._with([self.get(lora_id).activate(now=now, ordinal=ordinal)])

    def deactivate(self, lora_id: UUID, *, now: datetime) -> Step:
        """Take a LoRA out of the composition; doing it again changes nothing.

        :raises LoraNotFound: see :meth:`get`
        """
        return self._with([self.get(lora_id).deactivate(now=now)])

    def reorder(self, lora_ids: Sequence[UUID], *, now: datetime) -> Step:
        """Give these LoRAs the ordinals 1, 2, 3 ... in this order, all or none.

        :raises LoraNotFound: see :meth:`get`
        :raises InvalidFields: an id comes twice
        """
        check_distinct(lora_ids)
        return self._with(reorder([self.get(lora_id) for lora_id in lora_ids], now=now))

    def delete(self, lora_id: UUID, *, now: datetime) -> Step:
        """Take an entry out; it can be restored.

        :raises LoraNotFound: see :meth:`get`
        """
        return self._with([self.get(lora_id).delete(now=now)])

    def restore(self, lora_id: UUID, *, now: datetime) -> Step:
        """Bring a deleted entry back; one that lives stays as it is.

        :raises LoraNotFound: there never was one
        :raises NameTaken: its name and version belong to another meanwhile
        """
        if lora_id not in self.loras:
            raise LoraNotFound(lora_id)
        return self._with([self.loras[lora_id].restore(now=now)])

    def duplicates(self) -> tuple[DuplicateGroup, ...]:
        """The LoRAs that share content, tensors or a name (see :func:`duplicates`)."""
        return duplicates(self.loras.values())

    def compose(self, options: CompositionOptions | None = None) -> Composition:
        """Turn the active LoRAs into a prompt."""
        return compose(active_members(self.loras.values()), options or CompositionOptions())

    def _with(self, changes: Sequence[Change]) -> Step:
        loras = {**self.loras, **{lora.id: lora for lora, _ in changes}}
        changed = {lora.id for lora, _ in changes}
        taken = {(x.name, x.version) for x in loras.values() if x.deleted_at is None and x.id not in changed}
        for lora, _ in changes:
            if lora.deleted_at is None:
                if (lora.name, lora.version) in taken:
                    raise NameTaken(lora.name, lora.version)
                taken.add((lora.name, lora.version))
        return Registry(MappingProxyType(loras)), tuple(event for _, events in changes for event in events)
