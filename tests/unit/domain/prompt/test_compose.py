import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import (
    A1111,
    COMFYUI_LORA_MANAGER,
    DIALECTS,
    SDCPP,
    SDNEXT,
    CompositionOptions,
    Dedupe,
    Dialect,
    Member,
    NotWritable,
    TemplateDialect,
    active_members,
    compose,
    parse,
)
from lora_manager.domain.trigger import TriggerChoice
from lora_manager.testing import strategies
from tests.unit.domain.prompt.examples import a_file, a_lora, composed, optional, required


def test_prompt_is_prefix_tokens_triggers_and_suffix_joined_by_the_separator() -> None:
    composition = composed(
        a_lora("ink", weight=0.75, triggers=(required("ink wash"),)),
        a_lora("fog", weight=-0.5, triggers=(required("morning fog"),)),
        prefix="a heron",
        suffix="wide shot",
        triggers=TriggerChoice.REQUIRED,
    )
    assert composition.prompt == "a heron <lora:ink:0.75> <lora:fog:-0.5> ink wash, morning fog wide shot"
    assert composition.tokens == ("<lora:ink:0.75>", "<lora:fog:-0.5>")


def test_empty_parts_vanish_with_their_separator() -> None:
    assert composed(a_lora(), prefix="  ", suffix="\n").prompt == "<lora:ink:1>"
    assert composed(prefix="a heron", suffix="wide shot").prompt == "a heron wide shot"
    assert composed().prompt == ""


def test_prefix_and_suffix_are_trimmed_and_the_separator_is_not() -> None:
    assert composed(a_lora(), prefix=" a heron\n", suffix="\twide shot ", separator=" \n").prompt == (
        "a heron \n<lora:ink:1> \nwide shot"
    )


@pytest.mark.parametrize(
    ("choice", "text"), [(TriggerChoice.NONE, ""), (TriggerChoice.REQUIRED, " wash"), (TriggerChoice.ALL, " wash, dry")]
)
def test_triggers_are_taken_in_as_asked(choice: TriggerChoice, text: str) -> None:
    lora = a_lora(triggers=(required("wash"), optional("dry")))
    assert composed(lora, triggers=choice).prompt == f"<lora:ink:1>{text}"


def test_a_trigger_is_not_repeated_but_case_makes_it_another() -> None:
    loras = (a_lora("a", triggers=(required("ink"), required("Ink"))), a_lora("b", triggers=(required("ink"),)))
    assert composed(*loras, triggers=TriggerChoice.ALL).prompt == "<lora:a:1> <lora:b:1> ink, Ink"


def test_a_dropped_duplicate_leaves_no_trigger_behind() -> None:
    loras = (a_lora(weight=0.5, triggers=(required("weak"),)), a_lora(version="v2", triggers=(required("strong"),)))
    assert composed(*loras, triggers=TriggerChoice.ALL).prompt == "<lora:ink:1> strong"


def test_named_members_keep_their_own_order() -> None:
    assert composed(a_lora("z"), a_lora("a")).tokens == ("<lora:z:1>", "<lora:a:1>")


def test_a_weight_asked_for_replaces_the_weight_and_leaves_the_text_encoder_alone() -> None:
    composition = compose([Member(a_lora(weight=1.0, te_weight=0.5), 0.8)])
    assert composition.prompt == "<lora:ink:0.5:0.8>"
    assert (composition.members[0].weight, composition.members[0].te_weight) == (0.8, 0.5)


def test_a_weight_of_zero_asked_for_is_zero() -> None:
    assert compose([Member(a_lora(), 0)]).prompt == "<lora:ink:0>"


def test_members_tell_what_was_composed() -> None:
    lora = a_lora(version="v1", ordinal=3, file=a_file())
    member = composed(lora).members[0]
    assert (member.id, member.name, member.version, member.ordinal) == (lora.id, "ink", "v1", 3)
    assert (member.weight, member.te_weight, member.sha256) == (1.0, None, "0" * 64)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -100.5, 100.001, True])
def test_a_weight_asked_for_that_is_none_is_refused_with_its_place(weight: float) -> None:
    with pytest.raises(InvalidFields) as refusal:
        compose([Member(a_lora("a")), Member(a_lora("b"), weight)])
    assert [field.name for field in refusal.value.fields] == ["adapters[1].weight"]


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"prefix": "x" * 100_001}, ["prefix"]),
        ({"suffix": "\x00"}, ["suffix"]),
        ({"prefix": "\ud800", "suffix": "x" * 100_001}, ["prefix", "suffix"]),
        ({"separator": "-" * 101}, ["separator"]),
        ({"separator": "\x1b"}, ["separator"]),
        ({"base_model": ""}, ["base_model"]),
    ],
)
def test_every_option_out_of_range_is_named(options: dict[str, str], fields: list[str]) -> None:
    with pytest.raises(InvalidFields) as refusal:
        CompositionOptions(**options)  # type: ignore[arg-type]  # only texts are tried here
    assert [field.name for field in refusal.value.fields] == fields


def test_options_at_their_limits_are_taken() -> None:
    options = CompositionOptions(prefix="x" * 100_000, suffix="y" * 100_000, separator="\t\r\n" + "-" * 97)
    assert len(compose([Member(a_lora())], options).prompt) == 200_000 + len("<lora:ink:1>") + 200


@pytest.mark.parametrize(
    ("dialect", "prefix"),
    [
        (A1111, "a heron <lora:ink"),
        (A1111, "<hypernet:"),
        (SDNEXT, "a <b:c"),
        (COMFYUI_LORA_MANAGER, "<lora:ink"),
        (COMFYUI_LORA_MANAGER, "<LORA:"),
    ],
)
def test_a_prefix_that_would_draw_in_a_token_is_refused(dialect: Dialect, prefix: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        composed(a_lora(), prefix=prefix, dialect=dialect)
    assert [field.name for field in refusal.value.fields] == ["prefix"]


@pytest.mark.parametrize(
    ("dialect", "prefix"),
    [
        (A1111, "1 < 2 <lora"),
        (A1111, "<lora:mine:0.5>"),
        (A1111, "(heron:1.2), [ink|wash]"),
        (COMFYUI_LORA_MANAGER, "<hypernet:"),
        (SDCPP, "<lora:ink"),
    ],
)
def test_a_prefix_that_leaves_the_tokens_alone_is_taken(dialect: Dialect, prefix: str) -> None:
    assert composed(a_lora(), prefix=prefix, dialect=dialect).prompt.startswith(prefix)


def test_a_prefix_does_not_matter_where_there_is_no_token() -> None:
    assert composed(prefix="<lora:ink").prompt == "<lora:ink"


@pytest.mark.parametrize("separator", ["", " ", ", ", "\n", " BREAK ", ":", ">", "\u3000"])
def test_a_separator_that_leaves_the_tokens_alone_is_taken(separator: str) -> None:
    composition = composed(a_lora("a"), a_lora("b"), prefix="x", separator=separator)
    assert composition.prompt == separator.join(["x", "<lora:a:1>", "<lora:b:1>"])
    assert [tag.name for tag in parse(composition.prompt).tags] == ["a", "b"]


@pytest.mark.parametrize(
    ("dialect", "separator"), [(A1111, "<b:"), (A1111, " <lora:"), (TemplateDialect("{name}={weight}"), ",")]
)
def test_a_separator_that_makes_tokens_unreadable_is_refused(dialect: Dialect, separator: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        composed(a_lora("a"), a_lora("b"), dialect=dialect, separator=separator)
    assert [field.name for field in refusal.value.fields] == ["separator"]


def test_every_lora_that_cannot_be_written_is_named_at_once() -> None:
    with pytest.raises(NotWritable) as refusal:
        composed(a_lora("a=b"), a_lora("ink"), a_lora("c=d"))
    assert refusal.value.dialect == "a1111"
    assert [name for name, _ in refusal.value.refused] == ["a=b", "c=d"]
    assert "'a=b': a name with exactly one '='" in str(refusal.value)


def test_structured_dialect_puts_the_loras_beside_the_prompt() -> None:
    loras = (
        a_lora("ink", weight=0.75, file_path="/loras/styles/ink.v2.safetensors"),
        a_lora("|high_noise|motion", file_path="C:\\loras\\motion.safetensors"),
    )
    composition = composed(*loras, prefix="a heron", dialect=SDCPP)
    assert (composition.prompt, composition.tokens) == ("a heron", ())
    assert [entry._asdict() for entry in composition.structured] == [
        {"path": "ink.v2.safetensors", "multiplier": 0.75, "is_high_noise": False},
        {"path": "motion.safetensors", "multiplier": 1.0, "is_high_noise": True},
    ]


def is_storable(text: str) -> bool:
    return not re.search(r"[\x00\ud800-\udfff]", text)


# Made once: Hypothesis takes longer to look a strategy over than to draw from it.
REGISTRIES = {d: strategies.registries(name=strategies.names(d), active=st.just(True)) for d in DIALECTS.values()}
PREFIXES = {d: strategies.prompt_texts(d).filter(is_storable) for d in DIALECTS.values()}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=st.data())
def test_composing_what_a_composition_parses_to_gives_the_same_prompt(dialect: Dialect, data: st.DataObject) -> None:
    members = active_members(data.draw(REGISTRIES[dialect]))
    once = compose(members, CompositionOptions(prefix=data.draw(PREFIXES[dialect]), dialect=dialect))
    parsed = parse(once.prompt, dialect, once.structured)
    by_reference = {dialect.reference(member.lora): member.lora for member in once.members}
    again = compose(
        [Member(by_reference[tag.name], tag.weight) for tag in parsed.tags],
        CompositionOptions(prefix=parsed.text, dialect=dialect, dedupe=Dedupe.KEEP),
    )
    assert (again.prompt, again.structured) == (once.prompt, once.structured)


@given(REGISTRIES[A1111])
def test_tokens_and_members_are_the_same_loras_in_the_same_order(loras: list[Lora]) -> None:
    composition = compose(active_members(loras))
    assert [tag.name for tag in parse(composition.prompt).tags] == [member.name for member in composition.members]
    assert composition.prompt == " ".join(composition.tokens)
