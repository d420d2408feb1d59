"""How to compose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.fields import check_text
from lora_manager.domain.prompt.dialects import A1111
from lora_manager.domain.prompt.members import Dedupe
from lora_manager.domain.prompt.spelling import Dialect
from lora_manager.domain.text import UNSTORABLE
from lora_manager.domain.trigger import TriggerChoice

MAX_AFFIX = 100_000
MAX_SEPARATOR = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # all but tab and line ends


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositionOptions:
    """How to turn LoRAs into a prompt.

    :param prefix: text before the tokens, at most 100,000 characters; trimmed
    :param suffix: text after the triggers, at most 100,000 characters; trimmed
    :param separator: stands between prefix, tokens, triggers and suffix, at most 100 characters; not trimmed
    :param dialect: how the runtime wants to be told of LoRAs
    :param base_model: the family of the checkpoint the prompt is for; None where nobody said
    :param triggers: which trigger words to take in
    :param dedupe: which of several LoRAs of one name stays
    :raises InvalidFields: naming every field that breaks its limit
    """

    prefix: str = ""
    suffix: str = ""
    separator: str = " "
    dialect: Dialect = A1111
    base_model: str | None = None
    triggers: TriggerChoice = TriggerChoice.NONE
    dedupe: Dedupe = Dedupe.HIGHEST_WEIGHT

    def __post_init__(self) -> None:
        if problems := tuple(self._problems()):
            raise InvalidFields(problems)

    @property
    def of_arrangement(self) -> tuple[Dialect, str | None, TriggerChoice, Dedupe]:
        """Those that decide more than the text around the tokens."""
        return self.dialect, self.base_model, self.triggers, self.dedupe

    def _problems(self) -> Iterator[InvalidField]:
        for name, value in (("prefix", self.prefix), ("suffix", self.suffix)):
            if len(value) > MAX_AFFIX:
                yield InvalidField(name, f"must have at most {MAX_AFFIX} characters, has {len(value)}")
            if UNSTORABLE.search(value):
                yield InvalidField(name, "must not contain NUL characters or unpaired surrogates")
        if len(self.separator) > MAX_SEPARATOR:
            yield InvalidField("separator", f"must have at most {MAX_SEPARATOR} characters, has {len(self.separator)}")
        if _CONTROL.search(self.separator):
            yield InvalidField("separator", "must not contain control characters other than tab and line ends")
        yield from check_text("base_model", self.base_model)
