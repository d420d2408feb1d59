"""Whatever TOKEN_FORMAT holds: it is a template or refused, and a template reads any text."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.prompt import NotWritable, TemplateDialect, parse
from lora_manager.domain.prompt.template import MAX_TEMPLATE
from lora_manager.testing import strategies
from tests.fuzz.bounds import fuzz, outcome, require_linear
from tests.fuzz.hostile import mutated, texts

TEMPLATES = [b"<lora:{name}:{weight}>", b"[{name}|{te_weight}]", b"{{{name}}} at {weight};", b"{name!r:>{weight}}"]
ALPHABET = st.text(st.sampled_from("{}namewight_t!:.[]()0 <>\\+*?|^$"), max_size=40)
HARD = (
    "a{name}a",
    "({name}",
    "{name})",
    " {name}x".strip(),
    "x{weight}x{name}x",
    "{name} {{",
    "aa{name}ab",
    ".{name}*",
)


def any_template() -> st.SearchStrategy[str]:
    return texts() | ALPHABET | mutated(TEMPLATES).map(lambda raw: raw.decode("utf-8", "replace"))


@fuzz
@given(any_template())
def test_any_text_is_a_template_or_refused_with_the_reason(template: str) -> None:
    dialect = outcome(partial(TemplateDialect, template), InvalidFields)
    if isinstance(dialect, TemplateDialect):
        assert len(template) <= MAX_TEMPLATE
        outcome(lambda: dialect.render([("ink", 0.5, 0.25)]), NotWritable)


@fuzz
@given(strategies.templates(), texts(), texts())
def test_any_template_reads_any_text_and_writes_any_name(template: str, text: str, name: str) -> None:
    dialect = TemplateDialect(template)
    for piece in (
        text,
        template,
        template * 20,
        template.replace("{name}", text),
        template.replace("{name}", "a") * 20,
    ):
        parsed = parse(piece, dialect)
        assert len(parsed.text) <= len(piece)
    outcome(lambda: dialect.render([(name, 1.0, None)]), NotWritable)


@pytest.mark.parametrize("template", HARD)
@pytest.mark.parametrize("filling", ["a", "x", "aa", "(", ")", "x1x", " ", "{", "a ", "1", ".", "*"])
def test_twice_the_text_takes_no_more_than_twice_the_work(template: str, filling: str) -> None:
    dialect = TemplateDialect(template)
    require_linear(lambda size: partial(parse, filling * size, dialect), 500)
    parse(
        filling * 100_000, dialect
    )  # the search itself, which works unseen: in quadratic time this would take minutes
