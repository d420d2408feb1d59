"""What a dialect is: how a runtime is told of LoRAs."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from lora_manager.domain.errors import InvalidInput
from lora_manager.domain.fields import MAX_WEIGHT
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.tags import Found, LoraEntry, LoraTag, TagFields
from lora_manager.domain.prompt.warning import WarningCode


class NotWritable(InvalidInput):
    """A dialect has no way to write these tags so that the runtime does what they ask."""

    def __init__(self, dialect: str, refused: Iterable[tuple[str, str]]) -> None:
        self.dialect = dialect
        self.refused = tuple(refused)
        said = "; ".join(f"{name!r}: {reason}" for name, reason in self.refused)
        super().__init__(f"the dialect {dialect} cannot write {said}")


class Objection(NamedTuple):
    """What a dialect has against a tag; it writes it all the same and warns, or (``code`` None) refuses."""

    code: WarningCode | None
    reason: str


class Spelling(NamedTuple):
    """Tags as a dialect writes them.

    :param tokens: what goes into the prompt's text, one for each tag
    :param structured: what goes beside the prompt, one for each tag
    :param objections: the tag's index and what the dialect has against it
    """

    tokens: tuple[str, ...] = ()
    structured: tuple[LoraEntry, ...] = ()
    objections: tuple[tuple[int, Objection], ...] = ()


class Dialect(Protocol):
    """How one family of runtimes is told of LoRAs.

    ``find`` reads back what ``render`` writes: the same tags in the same order, weights rounded to 3 decimals.
    """

    name: str
    opening: str = ""
    """What every tag begins with: a text without it leaves none open."""
    comment: str | None = None
    """From here to the end of the line the runtime reads nothing; None where it has no comments."""

    def reference(self, lora: Lora) -> str:
        """What a tag calls this LoRA."""
        return lora.name

    def references(self, loras: Iterable[Lora]) -> list[str]:
        """What :meth:`reference` says of each."""
        return [self.reference(lora) for lora in loras]

    @abstractmethod
    def finds(self, lora: Lora) -> bool:
        """Whether the runtime finds the LoRA's file by what :meth:`reference` says."""

    @abstractmethod
    def objections(self, tag: LoraTag) -> Sequence[Objection]:
        """What this dialect cannot say of the tag."""

    @abstractmethod
    def render(self, tags: Sequence[TagFields]) -> Spelling:
        """Write the tags.

        :raises NotWritable: naming every tag that must not be written
        """

    @abstractmethod
    def find(self, text: str) -> Iterator[Found]:
        """Every tag in the text, from left to right; in linear time and without an error, whatever the text."""

    def _accepted(self, tags: Sequence[TagFields]) -> tuple[tuple[int, Objection], ...]:
        objections = tuple(
            (place, objection) for place, tag in enumerate(tags) for objection in self.objections(LoraTag(*tag))
        )
        if refused := [(tags[place][0], reason) for place, (code, reason) in objections if code is None]:
            raise NotWritable(self.name, refused)
        return objections


def weight_objection(tag: LoraTag) -> Objection | None:
    """What no dialect writes: a weight that is not finite, or beyond -100..100."""
    te_weight = tag.weight if tag.te_weight is None else tag.te_weight
    if -MAX_WEIGHT <= tag.weight <= MAX_WEIGHT and -MAX_WEIGHT <= te_weight <= MAX_WEIGHT:
        return None
    return Objection(None, f"its weights must be finite numbers from {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}")
