"""Who takes part in a composition, in which order, and what happens to those that share a name."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import repeat
from operator import attrgetter
from typing import NamedTuple, TypeVar
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.warning import CompositionWarning, WarningCode
from lora_manager.domain.prompt.weights import format_weight


class Member(NamedTuple):
    """A LoRA that takes part in a composition, and the weight asked for there; None keeps the LoRA's own.

    Only ``weight`` is overridden: a LoRA with a text-encoder weight keeps it.
    """

    lora: Lora
    weight: float | None = None

    @property
    def applied_weight(self) -> float:
        """The weight the token carries."""
        return self.lora.weight if self.weight is None else self.weight


class ComposedMember(NamedTuple):
    """A LoRA as it stands in a prompt, and the weight it has there, not rounded."""

    lora: Lora
    weight: float

    @property
    def id(self) -> UUID:
        """The LoRA's id."""
        return self.lora.id

    @property
    def name(self) -> str:
        """The LoRA's name."""
        return self.lora.name

    @property
    def version(self) -> str | None:
        """The LoRA's version."""
        return self.lora.version

    @property
    def te_weight(self) -> float | None:
        """The weight on the text encoder where it differs."""
        return self.lora.te_weight

    @property
    def ordinal(self) -> int | None:
        """The LoRA's place in the canonical order."""
        return self.lora.ordinal

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the LoRA's file as last verified."""
        return self.lora.sha256


Pair = TypeVar("Pair", bound=tuple[Lora, float | None])


def rows_of(kind: type[Pair], rows: Iterable[tuple[Lora, float | None]]) -> Iterator[Pair]:
    """What ``kind(*row)`` gives for each row, in half the time: no Python code runs for a row."""
    return map(tuple.__new__, repeat(kind), rows)


def columns_of(members: Iterable[Member]) -> tuple[list[Lora], list[float | None]]:
    """The LoRAs, and the weights asked for: plain lists, which are faster to go through than members."""
    return [member.lora for member in members], [member.weight for member in members]


def share_names(loras: Sequence[Lora]) -> bool:
    """Whether two of them have the same name."""
    return len({lora.name for lora in loras}) < len(loras)


def active_members(loras: Iterable[Lora]) -> tuple[Member, ...]:
    """The active LoRAs that are not deleted, in canonical order; the order they come in does not matter."""
    active = [lora for lora in loras if lora.active and lora.deleted_at is None]
    return tuple(rows_of(Member, zip(_in_order(active), repeat(None), strict=False)))


def _in_order(loras: list[Lora]) -> list[Lora]:
    """The LoRAs by ``Lora.order_key``.

    As long as no two share a name, version and id decide nothing; two sorts by one field each then take a third of the
    time that one by the whole key takes.
    """
    if share_names(loras):
        return sorted(loras, key=attrgetter("order_key"))
    by_name = sorted(loras, key=attrgetter("name"))
    numbered = [lora for lora in by_name if lora.ordinal is not None]
    numbered.sort(key=attrgetter("ordinal"))
    return numbered + [lora for lora in by_name if lora.ordinal is None]


class Dedupe(StrEnum):
    """Which of several members of one name stays; it stays in its own place."""

    HIGHEST_WEIGHT = "highest_weight"
    FIRST = "first"
    LAST = "last"
    KEEP = "keep"


def deduplicate(members: Sequence[Member], dedupe: Dedupe) -> tuple[Sequence[Member], list[CompositionWarning]]:
    """The members that stay, and a warning for each that does not, or (``keep``) that repeats a name."""
    staying: dict[str, int] = {}
    for place, member in enumerate(members):
        rival = staying.setdefault(member.lora.name, place)
        if _prevails(member, members[rival], dedupe):
            staying[member.lora.name] = place
    settled = [(place, member, staying[member.lora.name]) for place, member in enumerate(members)]
    if dedupe is Dedupe.KEEP:
        return members, [_repeated(member.lora) for place, member, kept in settled if place != kept]
    warnings = [_dropped(member, members[kept], dedupe) for place, member, kept in settled if place != kept]
    return [member for place, member, kept in settled if place == kept], warnings


def _prevails(member: Member, rival: Member, dedupe: Dedupe) -> bool:
    """Whether a later member takes the place of an earlier one of its name; at equal weight the earlier one stays."""
    if dedupe is Dedupe.HIGHEST_WEIGHT:
        return member.applied_weight > rival.applied_weight
    return dedupe is Dedupe.LAST


def _described(member: Member) -> str:
    version = f"version {member.lora.version!r}" if member.lora.version is not None else "the one without a version"
    return f"{version} at weight {format_weight(member.applied_weight)}"


def _dropped(member: Member, kept: Member, dedupe: Dedupe) -> CompositionWarning:
    return CompositionWarning(
        WarningCode.DUPLICATE_DROPPED,
        f"several members are called {member.lora.name!r}: {_described(member)} is left out, {_described(kept)} stays "
        f"({dedupe}); deactivate one, or give it a name of its own",
        member.lora.id,
    )


def _repeated(lora: Lora) -> CompositionWarning:
    return CompositionWarning(
        WarningCode.NAME_REPEATED,
        f"{lora.name!r} is in the prompt more than once; some runtimes add the weights up, some apply the last one "
        "each time: keep one, or give each a name of its own",
        lora.id,
    )
