"""What the dialects have in common that write ``<lora:name:weight>`` into the prompt."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence

from lora_manager.domain.fields import MAX_WEIGHT
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.spelling import Dialect, Objection, Spelling, weight_objection
from lora_manager.domain.prompt.tags import LoraTag, TagFields
from lora_manager.domain.prompt.weights import WRITTEN, format_weight


class BracketDialect(Dialect):
    """``<lora:name:weight>``, and something longer where the text encoder's weight differs."""

    opening: str = "<"
    marks: tuple[str, ...] = (":", ">")
    """A name that has none of these is written without objection."""

    def references(self, loras: Iterable[Lora]) -> list[str]:
        return [lora.name for lora in loras]  # the same, without a call for each

    def objections(self, tag: LoraTag) -> Sequence[Objection]:
        objection = weight_objection(tag) or self._name_objection(tag.name)
        return (objection,) if objection else ()

    def render(self, tags: Sequence[TagFields]) -> Spelling:
        tokens = [
            f"<lora:{name}:{WRITTEN[weight] if te_weight is None else self._both(weight, te_weight)}>"
            for name, weight, te_weight in tags
        ]
        return Spelling(tuple(tokens), objections=() if self._plain(tags) else self._accepted(tags))

    @abstractmethod
    def _pair(self, weight: str, te_weight: str) -> str:
        """Two different weights as the runtime reads them."""

    def _name_objection(self, name: str) -> Objection | None:
        if not name or ":" in name or ">" in name:
            return Objection(
                None, "a name must not be empty nor contain ':' or '>', which end it; nothing escapes them"
            )
        return None

    def _both(self, weight: float, te_weight: float) -> str:
        written, te_written = format_weight(weight), format_weight(te_weight)
        return written if te_written == written else self._pair(written, te_written)

    def _plain(self, tags: Sequence[TagFields]) -> bool:
        """Whether one look at all tags together shows that none needs its own."""
        low, high = -MAX_WEIGHT, MAX_WEIGHT
        for name, weight, te_weight in tags:
            if not (name and low <= weight <= high):
                return False
            if te_weight is not None and not low <= te_weight <= high:
                return False
        names = "\n".join([name for name, _, _ in tags])
        return not any(mark in names for mark in self.marks)
