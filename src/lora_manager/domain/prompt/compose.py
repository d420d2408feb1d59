"""Composition: from LoRAs to a prompt. The same members and options always give the same prompt."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.fields import MAX_WEIGHT, check_number
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.assemble import assemble
from lora_manager.domain.prompt.checks import comment_warnings, lora_warnings, objection_warnings, prompt_warnings
from lora_manager.domain.prompt.dialects import A1111
from lora_manager.domain.prompt.members import ComposedMember, Member, columns_of, deduplicate, rows_of, share_names
from lora_manager.domain.prompt.options import CompositionOptions
from lora_manager.domain.prompt.spelling import Dialect, Spelling
from lora_manager.domain.prompt.tags import LoraEntry, ParsedPrompt
from lora_manager.domain.prompt.warning import CompositionWarning
from lora_manager.domain.trigger import TriggerChoice

_DEFAULTS = CompositionOptions()


class Composition(NamedTuple):
    """A prompt and what it is made of.

    :param tokens: the tags as they stand in the prompt, one for each member; none where the dialect writes none
    :param members: the LoRAs in their order
    :param structured: what goes beside the prompt, one for each member; none where it writes tags
    """

    prompt: str
    tokens: tuple[str, ...]
    warnings: tuple[CompositionWarning, ...]
    members: tuple[ComposedMember, ...]
    structured: tuple[LoraEntry, ...] = ()


class Arrangement(NamedTuple):
    """What a composition is made of, whatever text goes around it: the costly part, to keep while nothing changes.

    :param triggers: the chosen trigger words, joined
    """

    members: tuple[ComposedMember, ...]
    spelling: Spelling
    triggers: str
    warnings: tuple[CompositionWarning, ...]


class Rendered(NamedTuple):
    """A prompt put together again: what goes into the text, and what beside it."""

    text: str
    structured: tuple[LoraEntry, ...] = ()


def compose(members: Sequence[Member], options: CompositionOptions = _DEFAULTS) -> Composition:
    """Turn members, in their order, into a prompt: prefix, tokens, triggers, suffix, joined by the separator.

    :raises InvalidFields: a weight asked for is no finite number in -100..100, or the runtime would not read the tokens
        between this prefix and separator
    :raises NotWritable: naming every LoRA that the dialect has no way to write

    Source: docs/composition.md states the rules.
    """
    return surround(arrange(members, options), options)


def arrange(members: Sequence[Member], options: CompositionOptions = _DEFAULTS) -> Arrangement:
    """The first half of :func:`compose`; of the options it looks at ``options.of_arrangement`` only."""
    loras, asked = columns_of(members)
    _check_weights(asked)
    warnings: list[CompositionWarning] = []
    if share_names(loras):
        staying, warnings = deduplicate(members, options.dedupe)
        loras, asked = columns_of(staying)
    dialect = options.dialect
    weights = [lora.weight if weight is None else weight for lora, weight in zip(loras, asked, strict=True)]
    te_weights = [lora.te_weight for lora in loras]
    spelling = dialect.render(list(zip(dialect.references(loras), weights, te_weights, strict=True)))
    warnings += lora_warnings(zip(loras, weights, strict=True), dialect)
    warnings += objection_warnings(loras, spelling)
    warnings += prompt_warnings(loras, options.base_model)
    triggers = ", ".join(_triggers(loras, options.triggers))
    composed = tuple(rows_of(ComposedMember, zip(loras, weights, strict=True)))
    return Arrangement(composed, spelling, triggers, tuple(warnings))


def surround(arrangement: Arrangement, options: CompositionOptions) -> Composition:
    """The second half of :func:`compose`: the text around what was arranged with the same options."""
    members, spelling, triggers, warnings = arrangement
    prompt = assemble(options.prefix, spelling, (triggers, options.suffix), options.dialect, options.separator)
    if members:
        warnings += tuple(comment_warnings(options))
    return Composition(prompt, spelling.tokens, warnings, members, spelling.structured)


def render(prompt: ParsedPrompt, dialect: Dialect = A1111, separator: str = " ") -> Rendered:
    """Put a parsed prompt together again, as :func:`compose` writes one that has this text as its prefix.

    :raises InvalidFields: the runtime would not read the tags after this text, or with this separator
    :raises NotWritable: naming every tag that the dialect has no way to write
    """
    spelling = dialect.render(prompt.tags)
    return Rendered(assemble(prompt.text, spelling, (), dialect, separator), spelling.structured)


def _check_weights(asked: Sequence[float | None]) -> None:
    if asked.count(None) == len(asked):  # as it mostly is, and found out at once
        return
    problems = [
        problem
        for place, weight in enumerate(asked)
        if weight is not None
        for problem in check_number(f"adapters[{place}].weight", weight, -MAX_WEIGHT, MAX_WEIGHT)
    ]
    if problems:
        raise InvalidFields(problems)


def _triggers(loras: Iterable[Lora], choice: TriggerChoice) -> Iterable[str]:
    """The chosen triggers of all LoRAs, each text once, where it comes first."""
    if choice is TriggerChoice.NONE:
        return ()
    return dict.fromkeys(text for lora in loras for text in choice.of(lora.triggers))
