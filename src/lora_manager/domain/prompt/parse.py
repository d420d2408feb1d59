"""Taking a prompt apart again."""

from collections.abc import Iterable
from typing import NamedTuple

from lora_manager.domain.prompt.dialects import A1111
from lora_manager.domain.prompt.spelling import Dialect
from lora_manager.domain.prompt.tags import LoraEntry, LoraTag, ParsedPrompt


def parse(text: str, dialect: Dialect = A1111, structured: Iterable[LoraEntry] = ()) -> ParsedPrompt:
    """The prompt's text without its LoRA tags, and the tags as the runtime of the dialect reads them.

    Never fails and takes linear time, whatever the text. What is no LoRA tag stays where it is: other extra networks
    (``<hypernet:...>``), tags with a weight that is no number in -100..100, tags that say more than a weight for the
    model and one for the text encoder (step schedules, block weights). Of the white space around a removed tag the
    wider side is kept, and none at either end.

    :param structured: what the dialect put beside the prompt

    >>> parse("a cat, <lora:ink:0.5:0.75> <lora:fog:high> soft light")
    ParsedPrompt(text='a cat, <lora:fog:high> soft light', tags=(LoraTag(name='ink', weight=0.75, te_weight=0.5),))
    """
    tags: list[LoraTag] = []
    pieces: list[str] = []
    end = 0
    for found in dialect.find(text):
        pieces.append(text[end : found.start])
        tags.append(found.tag)
        end = found.end
    pieces.append(text[end:])
    tags.extend(entry.tag for entry in structured)
    return ParsedPrompt(_joined(pieces), tuple(tags))


class _Gap(NamedTuple):
    """White space between two pieces; the one with more lines is wider, then the longer one."""

    lines: int
    length: int
    text: str

    @classmethod
    def of(cls, text: str) -> "_Gap":
        return cls(text.count("\n"), len(text), text)

    def widened(self, other: "_Gap") -> "_Gap":
        return other if other[:2] > self[:2] else self


def _joined(pieces: Iterable[str]) -> str:
    parts: list[str] = []
    gap = _Gap.of("")
    for piece in pieces:
        body = piece.strip()
        start = len(piece) - len(piece.lstrip())
        gap = gap.widened(_Gap.of(piece[:start]))
        if body:
            parts += (gap.text, body)
            gap = _Gap.of(piece[start + len(body) :])
    return "".join(parts).strip()
