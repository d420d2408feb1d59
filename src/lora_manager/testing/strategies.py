"""Hypothesis strategies for LoRAs, prompts and what they are made of.

They are public and meant for other people's test suites. All but :func:`any_text` give only what the domain accepts,
and all like the values that make trouble somewhere.
"""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.fields import MAX_ORDINAL, MAX_WEIGHT, check_text, check_triggers
from lora_manager.domain.file.facts import Embedded, Hashes, Network
from lora_manager.domain.file.record import FileRecord, FileState, name_problem, stem_of
from lora_manager.domain.ids import uuid7
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import (
    A1111,
    Dialect,
    LoraTag,
    ParsedPrompt,
    TemplateDialect,
    WarningCode,
    parse,
    render,
)
from lora_manager.domain.trigger import Trigger, TriggerStatus

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When everything generated here was created."""

# Options, comments, random choices, folders, extensions, numbers, prefixes with a meaning, several scripts.
_TRICKY_NAMES = (
    *("a=b", "a=b=c", "=", "unet=1", "ink #2", "a,b", "a  b", "{red|blue} ink", "__ink__", "styles/ink", "/ink"),
    *("ink.v2", "ink.safetensors", "ink (wash)", "[ink]", "0.5", "-1", "te", "lora", "none", "|high_noise|ink"),
    *("'", '"', "\\", "%s", "{name}", "&amp;", "墨", "élan", "İ", "ﬁ", "\U0001f58b"),
)
_SNIPPETS = (
    *("<lora:", "<LoRA:", "<lyco:", "<hypernet:", "<lora", "<", ">", ":", "=", "te=", "unet=", "dyn=4", "a", "ink"),
    *("0.5", "-1", "1e400", "nan", ".5", "0,8", " ", "  ", "\n", "\t", "\u2003", "#", ",", "(", ")", "{", "}", "["),
    *("|", "\\", "\x00", "\ud800", "é", "墨", "<lora:ink:0.5>", "<LORA:ink:0.5:0.7>", "<lora:ink:te=0.5:unet=0.7>"),
    *("<lora:ink>", "[ink|0.5]"),
)
_LITERALS = st.text("<>[](){}|:;=-@~ ,/x0.", max_size=4) | st.sampled_from(["<lora:", "--lora ", " at ", ">"])


def ids() -> SearchStrategy[UUID]:
    """Ids as a server gives them (UUIDv7)."""
    return st.builds(uuid7, st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))


def names(dialect: Dialect | None = None) -> SearchStrategy[str]:
    """Valid names; given a dialect, those that it writes without objection."""
    letters = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="<>:")
    valid = (st.text(letters, min_size=1, max_size=30) | st.sampled_from(_TRICKY_NAMES)).filter(
        lambda name: name_problem(name) is None
    )
    return valid if dialect is None else valid.filter(lambda name: not dialect.objections(LoraTag(name)))


def versions() -> SearchStrategy[str | None]:
    """Versions, among them None."""
    text = st.sampled_from(["v1", "v2", "1.0"]) | st.text(max_size=20)
    return st.none() | text.filter(lambda version: not list(check_text("version", version)))


def weights() -> SearchStrategy[float]:
    """Finite weights from -100 to 100, among them those that are hard to write."""
    hard = st.sampled_from([0.0, -0.0, 1.0, 0.75, 0.0005, -0.0004, 0.9995, 99.9999, 5e-324, -100.0])
    return hard | st.floats(-MAX_WEIGHT, MAX_WEIGHT)


def written_weights() -> SearchStrategy[float]:
    """Weights that are written without being rounded: multiples of 0.001 from -100 to 100."""
    return st.sampled_from([0.0, 1.0, 0.75, -0.5]) | st.integers(-100_000, 100_000).map(lambda number: number / 1000)


def ordinals() -> SearchStrategy[int | None]:
    """Ordinals that often tie, among them None and the extremes."""
    return st.none() | st.integers(-1, 2) | st.sampled_from([-MAX_ORDINAL, MAX_ORDINAL])


def triggers() -> SearchStrategy[Trigger]:
    """Trigger words with and without a group."""
    text = st.sampled_from(["ink wash", "inkwash style", "INK", "a, b", "<b>"]) | st.text(min_size=1, max_size=20)
    trigger = st.builds(Trigger, text, st.none() | st.sampled_from(["day", "night"]), st.sampled_from(TriggerStatus))
    return trigger.filter(lambda trigger: not list(check_triggers([trigger])))


def file_records(*, states: SearchStrategy[FileState] | None = None) -> SearchStrategy[FileRecord]:
    """What is known of files: sound hashes, any state, now and then the name a file was trained under."""
    return st.builds(
        FileRecord,
        checked_at=st.just(EPOCH),
        size_bytes=st.integers(0, 2**40),
        hashes=st.integers(0, 2**256 - 1).map(_hashes),
        network=st.just(Network("lora", 8, 8, 8, 8.0, modules=1, tensors=3, dtypes=("F16",))),
        embedded=st.builds(Embedded, output_name=st.none() | st.sampled_from(_TRICKY_NAMES)),
        state=st.sampled_from(FileState) if states is None else states,
    )


def loras(
    *,
    name: SearchStrategy[str] | None = None,
    active: SearchStrategy[bool] | None = None,
    file: SearchStrategy[FileRecord | None] | None = None,
) -> SearchStrategy[Lora]:
    """Registered LoRAs, now and then a deleted one; a strategy given for a field takes the place of the usual one."""
    folders = st.sampled_from(["/", "/loras/", "/loras/a.b/", "s3://loras/sdxl/", "C:\\loras\\"])
    extensions = st.sampled_from([".safetensors", ".SafeTensors", ""])
    lora = st.builds(
        Lora,
        id=ids(),
        name=names() if name is None else name,
        version=versions(),
        file_path=st.builds("{}{}{}".format, folders, names(), extensions).filter(stem_of),
        created_at=st.just(EPOCH),
        updated_at=st.just(EPOCH),
        deleted_at=st.sampled_from([None, None, None, EPOCH]),
        tags=st.sampled_from([(), ("style:anime",), ("style:ink", "nsfw")]),
        weight=weights(),
        te_weight=st.none() | weights(),
        active=st.booleans() if active is None else active,
        ordinal=ordinals(),
        triggers=st.lists(triggers(), max_size=3).map(tuple),
        base_model=st.sampled_from([None, "sd1", "sdxl", "flux"]),
        file=st.none() | file_records() if file is None else file,
    )
    return st.builds(_in_its_own_file, lora, st.booleans())


def registries(
    *, name: SearchStrategy[str] | None = None, active: SearchStrategy[bool] | None = None, max_size: int = 6
) -> SearchStrategy[list[Lora]]:
    """LoRAs that may be registered together, in any order: ids, and names with their versions, are unique.

    Names are shared, ordinals and weights tie.
    """
    many = st.lists(loras(name=name, active=active), max_size=max_size, unique_by=lambda lora: lora.id)
    return st.builds(_sharing_a_name, many, st.frozensets(st.integers(1, max(max_size - 1, 1))))


@st.composite
def tags(draw: DrawFn, dialect: Dialect = A1111) -> LoraTag:
    """Tags that the dialect writes without objection and reads back as they were."""
    tag = LoraTag(draw(names()), draw(written_weights()), draw(st.none() | written_weights()))
    lost = {objection.code for objection in dialect.objections(tag)}
    if WarningCode.WEIGHT_LOST in lost:
        tag = tag._replace(weight=1.0)
    if WarningCode.TE_WEIGHT_LOST in lost or tag.te_weight == tag.weight:
        tag = tag._replace(te_weight=None)
    assume(not dialect.objections(tag))
    return tag


def prompt_texts(dialect: Dialect = A1111) -> SearchStrategy[str]:
    """Texts that are all text: trimmed, without a tag of the dialect, and with none left open at the end."""
    return any_text().map(str.strip).filter(lambda text: _is_all_text(text, dialect))


def parsed_prompts(dialect: Dialect = A1111) -> SearchStrategy[ParsedPrompt]:
    """Prompts taken apart that, put together again, are the same prompts."""
    prompts = st.builds(ParsedPrompt, prompt_texts(dialect), st.lists(tags(dialect), max_size=4).map(tuple))
    return prompts.filter(lambda prompt: _can_be_rendered(prompt, dialect))


def any_text() -> SearchStrategy[str]:
    """Any text at all, and often almost a prompt: pieces of tags, NUL, unpaired surrogates."""
    pieces = st.sampled_from(_SNIPPETS) | st.text(st.characters(exclude_categories=[]), max_size=5)
    return st.lists(pieces, max_size=20).map("".join)


@st.composite
def templates(draw: DrawFn) -> str:
    """Templates that :class:`TemplateDialect` accepts."""
    fields = draw(st.sampled_from(_FIELD_ORDERS))
    literals = [draw(_LITERALS) for _ in range(len(fields) + 1)]
    escaped = [literal.replace("{", "{{").replace("}", "}}") for literal in literals]
    template = escaped[0] + "".join(f"{{{field}}}{after}" for field, after in zip(fields, escaped[1:], strict=True))
    assume(_is_sound(template))
    return template


_FIELD_ORDERS = [
    order
    for fields in (["name"], ["name", "weight"], ["name", "te_weight"], ["name", "weight", "te_weight"])
    for order in permutations(fields)
]


def _is_sound(template: str) -> bool:
    try:
        TemplateDialect(template)
    except InvalidFields:
        return False
    return True


def _is_all_text(text: str, dialect: Dialect) -> bool:
    return parse(text, dialect) == ParsedPrompt(text, ()) and _can_be_rendered(
        ParsedPrompt(text, (LoraTag("ink"),)), dialect
    )


def _can_be_rendered(prompt: ParsedPrompt, dialect: Dialect) -> bool:
    try:
        render(prompt, dialect)
    except InvalidFields:  # the text's end and the first tag run together
        return False
    return True


def _in_its_own_file(lora: Lora, own: bool) -> Lora:  # noqa: FBT001 - drawn by Hypothesis
    return replace(lora, file_path=f"/loras/{lora.name}.safetensors") if own else lora


def _sharing_a_name(loras: list[Lora], places: frozenset[int]) -> list[Lora]:
    """The LoRAs at these places take the first one's name; of those that then are alike the first stays."""
    renamed = [replace(lora, name=loras[0].name) if place in places else lora for place, lora in enumerate(loras)]
    return list({(lora.name, lora.version): lora for lora in reversed(renamed)}.values())[::-1]


def _hashes(number: int) -> Hashes:
    digits = f"{number:064x}"
    return Hashes(digits, digits[-8:], digits[:10], digits[-12:])
