"""A dialect of one's own: the tag as a template that the deployment configures."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from string import Formatter

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.lookup import is_stem_or_alias
from lora_manager.domain.prompt.spelling import Dialect, Objection, Spelling, weight_objection
from lora_manager.domain.prompt.tags import Found, LoraTag, TagFields
from lora_manager.domain.prompt.warning import WarningCode
from lora_manager.domain.prompt.weights import format_weight, read_weights

MAX_TEMPLATE = 200
_FIELDS = ("name", "weight", "te_weight")
_CONTROLS = r"\x00-\x1f\x7f-\x9f\ud800-\udfff"
_NOT_IN_A_NAME = "<>:" + _CONTROLS
_WEIGHT = r"-?[0-9]{1,3}(?:\.[0-9]{1,3})?"  # all that format_weight writes for -100..100


@dataclass(frozen=True)
class TemplateDialect(Dialect):
    """Tags written by a template such as ``<lora:{name}:{weight}>``, and read back by it.

    :param template: 1 to 200 characters with ``{name}`` and, where wanted, ``{weight}`` and ``{te_weight}``; ``{{`` and
        ``}}`` stand for braces
    :raises InvalidFields: the template is something else, or its tags could not be found again in a prompt

    >>> [found.tag for found in TemplateDialect("[{name}|{weight}]").find("a cat [ink|0.5]")]
    [LoraTag(name='ink', weight=0.5, te_weight=None)]
    """

    template: str
    _fields: frozenset[str] = field(init=False, repr=False, compare=False)
    _pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)
    name = "template"

    def __post_init__(self) -> None:
        literals, fields = _split(self.template)
        object.__setattr__(self, "_fields", frozenset(fields))
        object.__setattr__(self, "_pattern", _pattern(literals, fields))

    def finds(self, lora: Lora) -> bool:
        return is_stem_or_alias(lora)  # the runtime is unknown: what most of them do

    def objections(self, tag: LoraTag) -> Sequence[Objection]:
        if objection := weight_objection(tag):
            return (objection,)
        return tuple(self._doubts(tag))

    def render(self, tags: Sequence[TagFields]) -> Spelling:
        return Spelling(tuple(map(self._write, tags)), objections=self._accepted(tags))

    def find(self, text: str) -> Iterator[Found]:
        for match in self._pattern.finditer(text):
            said = match.groupdict()
            weight = said.get("weight", "1")
            weights = read_weights((weight, said.get("te_weight", weight)))
            if weights is not None:
                tag = LoraTag(said["name"], weights[0], None if weights[1] == weights[0] else weights[1])
                yield Found(match.start(), match.end(), tag)

    def _write(self, tag: TagFields) -> str:
        name, weight, te_weight = tag
        te_written = format_weight(weight if te_weight is None else te_weight)
        return self.template.format(name=name, weight=format_weight(weight), te_weight=te_written)

    def _doubts(self, tag: LoraTag) -> Iterator[Objection]:
        written = self._write(tag)
        if [found.tag.name for found in self.find(f"{written} {written}")] != [tag.name, tag.name]:
            reason = f"in the template {self.template!r} this name cannot be told from the text around it; rename it"
            yield Objection(WarningCode.NAME_NOT_WRITABLE, reason)
        if "weight" not in self._fields and tag.weight != 1:
            reason = f"the template {self.template!r} has no place for its weight, {format_weight(tag.weight)}"
            yield Objection(WarningCode.WEIGHT_LOST, reason)
        if "te_weight" not in self._fields and tag.te_weight not in (None, tag.weight):
            reason = f"the template {self.template!r} has no place for the weight of the text encoder"
            yield Objection(WarningCode.TE_WEIGHT_LOST, reason)


def _split(template: str) -> tuple[list[str], list[str]]:
    """The fields of a template, and the text before, between and after them.

    :raises InvalidFields: saying what is wrong with the template
    """
    if not 1 <= len(template) <= MAX_TEMPLATE:
        raise _unsound(f"must have 1 to {MAX_TEMPLATE} characters, has {len(template)}")
    if template != template.strip() or re.search(f"[{_CONTROLS}]", template):
        raise _unsound("must not contain control characters, nor begin or end with white space")
    literals, fields = [""], []
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise _unsound(f"has a brace too many or too few ({error}); {{{{ and }}}} stand for braces") from error
    for literal, named, form, conversion in parts:
        literals[-1] += literal
        if named is not None:
            if named not in _FIELDS or named in fields or form or conversion:
                raise _unsound(
                    f"may have {{name}}, {{weight}} and {{te_weight}} once each and written so, not {named!r}"
                )
            fields.append(named)
            literals.append("")
    if problem := _ambiguity(literals, fields):
        raise _unsound(problem)
    return literals, fields


def _ambiguity(literals: Sequence[str], fields: Sequence[str]) -> str | None:
    """Why tags of such a template could not be found again in a prompt."""
    if "name" not in fields:
        return "must have the field {name}"
    if not "".join(literals).strip():
        return "must have some text beside the fields, or any words would be a tag"
    if not all(literals[1:-1]):
        return "must have some text between two fields, or they run together"
    if any(
        field != "name" and after[:1] in set("0123456789.") for field, after in zip(fields, literals[1:], strict=True)
    ):
        return "must not have a digit or a point right after a weight, or it becomes part of it"
    return None


def _pattern(literals: Sequence[str], fields: Sequence[str]) -> re.Pattern[str]:
    """What finds the tags. White space ends a field at an edge; a name does not go on into the text around it."""
    groups = []
    for named, around in zip(fields, pairwise(literals), strict=True):
        if named == "name":
            space = "" if all(around) else r"\s"
            ends = "|".join(re.escape(text) for text in around if text and not (space and re.search(space, text)))
            stop = f"(?!{ends})" if ends else ""
            groups.append(rf"(?P<name>(?!\s)(?:{stop}[^{space}{_NOT_IN_A_NAME}])++(?<!\s))")
        else:
            groups.append(f"(?P<{named}>{_WEIGHT})")
    first, *others = (re.escape(literal) for literal in literals)
    body = first + "".join(group + literal for group, literal in zip(groups, others, strict=True))
    return re.compile(("" if literals[0] else r"(?<!\S)") + body + ("" if literals[-1] else r"(?!\S)"))


def _unsound(reason: str) -> InvalidFields:
    return InvalidFields([InvalidField("template", reason)])
