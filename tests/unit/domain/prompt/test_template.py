import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.prompt import LoraTag, ParsedPrompt, TemplateDialect, parse
from lora_manager.testing import strategies


@pytest.mark.parametrize(
    ("template", "token"),
    [
        ("<lora:{name}:{weight}>", "<lora:ink (wash):0.75>"),
        ("<lora:{name}:{te_weight}:{weight}>", "<lora:ink (wash):0.5:0.75>"),
        ("[{name}]", "[ink (wash)]"),
        ("{{{name}|{weight}}}", "{ink (wash)|0.75}"),
        ("use {name} at {weight};", "use ink (wash) at 0.75;"),
        ("{weight} of [{name}]", "0.75 of [ink (wash)]"),
    ],
)
def test_tag_is_written_by_the_template_and_read_back(template: str, token: str) -> None:
    dialect = TemplateDialect(template)
    assert dialect.render([LoraTag("ink (wash)", 0.75, 0.5)]).tokens == (token,)
    assert [tag.name for tag in parse(f"a cat {token}, by the sea", dialect).tags] == ["ink (wash)"]


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "must have 1 to 200 characters, has 0"),
        ("[{name}]" + "x" * 200, "must have 1 to 200 characters, has 208"),
        ("[{name}\n]", "control characters"),
        ("[{name}\ud800]", "control characters"),
        (" [{name}]", "begin or end with white space"),
        ("[{weight}]", "must have the field {name}"),
        ("[{}]", "not ''"),
        ("[{0}]", "not '0'"),
        ("[{name}|{rank}]", "not 'rank'"),
        ("[{name.__class__}]", "not 'name.__class__'"),
        ("[{name[0]}]", "not 'name[0]'"),
        ("[{name!r}]", "written so"),
        ("[{name}|{weight:.2f}]", "written so"),
        ("[{name:{weight}}]", "written so"),
        ("[{name}|{name}]", "once each"),
        ("[{name]", "a brace too many or too few"),
        ("[{name}}]", "a brace too many or too few"),
        ("[{name}{weight}]", "they run together"),
        ("{name}", "some text beside the fields"),
        ("{name} {weight}", "some text beside the fields"),
        ("[{name}|{weight}0]", "right after a weight"),
        ("{weight}.{name}", "right after a weight"),
    ],
)
def test_template_that_cannot_be_written_or_read_back_is_refused_with_the_reason(template: str, reason: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        TemplateDialect(template)
    ((name, said),) = [(field.name, field.reason) for field in refusal.value.fields]
    assert name == "template"
    assert reason in said


@given(st.text(st.sampled_from("{}namewight_t!:.[]0 <>"), max_size=30))
def test_any_text_is_a_template_or_refused(template: str) -> None:
    accepted = True
    try:
        TemplateDialect(template)
    except InvalidFields:
        accepted = False
    assert not accepted or "{name}" in template


@given(strategies.templates())
def test_templates_of_one_text_are_equal(template: str) -> None:
    assert TemplateDialect(template) == TemplateDialect(template)
    assert TemplateDialect(template) != TemplateDialect("[{name}]~")


def test_a_name_is_not_drawn_out_of_the_text_before_the_tag() -> None:
    dialect = TemplateDialect("({name}:{weight})")
    parsed = parse("(a very (cute) cat (ink wash:0.5), [sea])", dialect)
    assert parsed == ParsedPrompt("(a very (cute) cat , [sea])", (LoraTag("ink wash", 0.5),))


def test_white_space_bounds_a_field_at_the_edge_of_the_template() -> None:
    dialect = TemplateDialect("{name}={weight}")
    assert parse("x a=b ink=0.5 y=1, z=2.", dialect).tags == (LoraTag("ink", 0.5),)


def test_a_name_at_the_edge_may_end_like_the_text_before_it() -> None:
    dialect = TemplateDialect("lora {name}")
    tokens = dialect.render([LoraTag("flux-lora"), LoraTag("ink")])
    assert tokens.objections == ()
    assert [tag.name for tag in parse(" ".join(tokens.tokens), dialect).tags] == ["flux-lora", "ink"]
