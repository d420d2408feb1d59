import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFields, InvalidInput
from lora_manager.domain.prompt import (
    DIALECTS,
    Dialect,
    LoraTag,
    NotWritable,
    ParsedPrompt,
    TemplateDialect,
    parse,
    render,
)
from lora_manager.testing import strategies

# Made once: Hypothesis takes longer to look a strategy over than to draw from it.
PROMPTS = {d: strategies.parsed_prompts(d) for d in DIALECTS.values()}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=st.data())
def test_a_rendered_prompt_is_parsed_to_what_it_was(dialect: Dialect, data: st.DataObject) -> None:
    prompt = data.draw(PROMPTS[dialect])
    rendered = render(prompt, dialect)
    assert parse(rendered.text, dialect, rendered.structured) == prompt


@given(st.data())
def test_every_template_that_is_accepted_is_read_back(data: st.DataObject) -> None:
    dialect = TemplateDialect(data.draw(strategies.templates()))
    prompt = data.draw(strategies.parsed_prompts(dialect))
    assert parse(render(prompt, dialect).text, dialect) == prompt


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=st.data(), separator=st.text(" \t\n\u3000", min_size=1, max_size=3))
def test_any_white_space_may_stand_between(dialect: Dialect, separator: str, data: st.DataObject) -> None:
    prompt = data.draw(PROMPTS[dialect])
    rendered = render(prompt, dialect, separator)
    assert parse(rendered.text, dialect, rendered.structured) == prompt


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(text=strategies.any_text())
def test_a_prompt_from_anywhere_settles_when_it_is_rendered_once(dialect: Dialect, text: str) -> None:
    try:
        once = render(parse(text, dialect), dialect)
    except InvalidInput:  # the text ends in an open tag, or a name may not be written
        reject()
    assert render(parse(once.text, dialect, once.structured), dialect) == once


def test_rendering_refuses_a_text_that_leaves_a_tag_open() -> None:
    with pytest.raises(InvalidFields):
        render(ParsedPrompt("a cat <lora:", (LoraTag("ink"),)))


def test_rendering_refuses_a_tag_that_must_not_be_written() -> None:
    with pytest.raises(NotWritable):
        render(ParsedPrompt("a cat", (LoraTag("a=b"),)))
