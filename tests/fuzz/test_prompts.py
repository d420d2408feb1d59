"""Whatever the text of a prompt: it is taken apart, in every dialect, and goes together again."""

from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.prompt import (
    Dialect,
    LoraTag,
    NotWritable,
    ParsedPrompt,
    Rendered,
    parse,
    render,
)
from lora_manager.testing import strategies
from tests.dialects import EVERY_DIALECT
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import NUMBERS, mutated, texts

ROWS = (
    "<",
    "<lora:",
    "<lora:a:1",
    "<lora:a:",
    "<lora:a:1>",
    "<a:",
    ">",
    ":",
    "(",
    "((a:1)",
    "[",
    "{",
    "--lora a=",
    " of ",
)
FILLINGS = ("a", ":", "=", "1", "te=1:", "9.", " ", "<", "\u0315\u0316", "\ud800")
PROMPTS = [
    text.encode()
    for text in (
        "a cat <lora:ink:0.5> by <lora:fog:0.5:0.75>, <lyco:old> <hypernet:x:1>",
        "<lora:ink:te=0.5:unet=0.7> (red:1.2) [a|b] --lora ink=0.5 0.5 of ink, (ink:0.5)",
    )
]


def any_prompt() -> st.SearchStrategy[str]:
    """Texts, pieces of tags in long rows, weights of all spellings, genuine prompts that were damaged."""
    rows = st.builds(str.__mul__, st.sampled_from(ROWS), st.integers(1, 200))
    weights = st.sampled_from(NUMBERS) | st.floats().map(str) | st.integers().map(str) | texts()
    tags = st.builds("<lora:{}:{}:{}>".format, texts(), weights, weights)
    damaged = mutated(PROMPTS).map(lambda raw: raw.decode("utf-8", "surrogatepass" if raw.isascii() else "replace"))
    return texts() | damaged | st.lists(rows | tags | strategies.any_text(), max_size=4).map("".join)


@EVERY_DIALECT
@fuzz
@given(text=any_prompt())
def test_any_text_is_taken_apart_and_what_is_left_is_no_more_than_there_was(dialect: Dialect, text: str) -> None:
    parsed = parse(text, dialect)
    assert parsed.text == parsed.text.strip()
    assert len(parsed.text) <= len(text)
    assert all(-100 <= weight <= 100 for _, weight, _ in parsed.tags)


@EVERY_DIALECT
@fuzz
@given(text=any_prompt())
def test_the_tags_of_any_text_can_be_written_again_or_are_refused_by_name(dialect: Dialect, text: str) -> None:
    parsed = parse(text, dialect)
    again = outcome(partial(render, parsed, dialect), NotWritable, InvalidFields)
    if not isinstance(again, Rendered) or any(map(dialect.objections, parsed.tags)):
        return
    if not parse(parsed.text, dialect).tags:  # what stood around a tag may make another one without it
        names = [tag.name for tag in parse(again.text, dialect, again.structured).tags]
        assert names == [tag.name for tag in parsed.tags]


@EVERY_DIALECT
@fuzz
@given(name=texts(), weight=st.floats(), te_weight=st.none() | st.floats())
def test_a_tag_of_any_name_and_weight_is_written_or_refused(
    dialect: Dialect, name: str, weight: float, te_weight: float | None
) -> None:
    prompt = ParsedPrompt("a cat", (LoraTag(name, weight, te_weight),))
    outcome(partial(render, prompt, dialect), NotWritable, InvalidFields)


def _swollen(row: str) -> Callable[[int], str]:
    return lambda size: (row * size)[:size]


def _filled(filling: str) -> Callable[[int], str]:
    return lambda size: f"<lora:ink:{filling * size}> ({filling * size}:1) --lora {filling * size}=1 <"


SWOLLEN = {**{row: _swollen(row) for row in ROWS}, **{f"tag of {filling!a}": _filled(filling) for filling in FILLINGS}}


@EVERY_DIALECT
@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_text_takes_no_more_than_twice_the_work(dialect: Dialect, shape: str) -> None:
    require_linear(lambda size: partial(parse, SWOLLEN[shape](size), dialect), 1_000)


@EVERY_DIALECT
@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_text_takes_memory_in_proportion_to_its_size(dialect: Dialect, shape: str) -> None:
    text = SWOLLEN[shape](5_000)
    require_memory(partial(parse, text, dialect), len(text), 60)


@EVERY_DIALECT
def test_a_long_text_of_anything_is_taken_apart(dialect: Dialect) -> None:
    for swell in SWOLLEN.values():  # regular expressions work unseen: in quadratic time this would take minutes
        parse(swell(100_000), dialect)
