import re

import pytest
from hypothesis import given

from lora_manager.domain.prompt import (
    A1111,
    COMFYUI_LORA_MANAGER,
    DIALECTS,
    SDCPP,
    SDNEXT,
    Dialect,
    LoraTag,
    NotWritable,
    ParsedPrompt,
    parse,
)
from lora_manager.testing import strategies


@pytest.mark.parametrize(
    ("dialect", "token"),
    [
        (A1111, "<lora:ink:0.5:0.75>"),
        (SDNEXT, "<lora:ink:te=0.5:unet=0.75>"),
        (COMFYUI_LORA_MANAGER, "<lora:ink:0.75:0.5>"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_each_runtime_has_its_own_order_of_the_two_weights(dialect: Dialect, token: str) -> None:
    tag = LoraTag("ink", 0.75, 0.5)
    assert dialect.render([tag]).tokens == (token,)
    assert parse(token, dialect) == ParsedPrompt("", (tag,))


@pytest.mark.parametrize("te_weight", [None, 0.75, 0.7501])
@pytest.mark.parametrize("dialect", [A1111, SDNEXT, COMFYUI_LORA_MANAGER], ids=lambda dialect: dialect.name)
def test_weights_that_are_written_alike_are_written_once(dialect: Dialect, te_weight: float | None) -> None:
    assert dialect.render([LoraTag("ink", 0.75, te_weight)]).tokens == ("<lora:ink:0.75>",)


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        (A1111, "a=b"),
        (A1111, "="),
        (A1111, "a:b"),
        (A1111, "a>b"),
        (A1111, ""),
        (SDNEXT, "a=b"),
        (SDNEXT, "/huggingface.co/someone/something/ink"),
        (COMFYUI_LORA_MANAGER, "a:b"),
        (SDCPP, ""),
        (SDCPP, "|high_noise|"),
    ],
)
def test_a_name_that_would_mean_something_else_is_not_written(dialect: Dialect, name: str) -> None:
    with pytest.raises(NotWritable) as refusal:
        dialect.render([LoraTag("ink"), LoraTag(name)])
    assert (refusal.value.dialect, [refused for refused, _ in refusal.value.refused]) == (dialect.name, [name])


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        (A1111, "a=b=c"),
        (SDNEXT, "a=b=c"),
        (SDNEXT, "ink #2"),
        (COMFYUI_LORA_MANAGER, "a=b"),
        (SDCPP, "a=b"),
        (A1111, "a,b"),
    ],
)
def test_a_name_that_is_harmless_to_the_runtime_is_written(dialect: Dialect, name: str) -> None:
    assert dialect.render([LoraTag(name)]).objections == ()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize(
    "tag",
    [LoraTag("ink", float("nan")), LoraTag("ink", float("inf")), LoraTag("ink", 100.1), LoraTag("ink", 1, -1e9)],
    ids=["nan", "inf", "too large", "text encoder"],
)
def test_a_weight_that_is_no_number_in_range_is_not_written(dialect: Dialect, tag: LoraTag) -> None:
    with pytest.raises(NotWritable, match="finite numbers from -100 to 100"):
        dialect.render([tag])


@pytest.mark.parametrize("dialect", [A1111, SDNEXT, COMFYUI_LORA_MANAGER], ids=lambda dialect: dialect.name)
@given(name=strategies.names())
def test_looking_at_all_names_at_once_misses_no_objection(dialect: Dialect, name: str) -> None:
    objections = dialect.objections(LoraTag(name))
    pair = [LoraTag("ink"), LoraTag(name)]
    if any(objection.code is None for objection in objections):
        with pytest.raises(NotWritable):
            dialect.render(pair)
    else:
        assert dialect.render(pair).objections == tuple((1, objection) for objection in objections)


def what_a1111_makes_of(text: str) -> list[tuple[str, float, float]]:
    """Name, text encoder's and model's weight of every LoRA tag, by the rules of modules/extra_networks.py."""
    loras = []
    for match in re.finditer(r"<(?:lora|lyco):([^>]+)>", text):
        arguments = [argument.split("=", 2) for argument in match[1].split(":")]
        named = {argument[0]: argument[1] for argument in arguments if len(argument) == 2}
        placed = ["=".join(argument) for argument in arguments if len(argument) != 2]
        try:
            te_weight = float(named.get("te", placed[1] if len(placed) > 1 else "1"))
            weight = float(named.get("unet", placed[2] if len(placed) > 2 else te_weight))
            loras.append((placed[0], te_weight, weight))
        except (ValueError, IndexError):
            continue
    return loras


@given(strategies.any_text())
def test_what_is_parsed_as_a1111_is_what_a1111_makes_of_it(text: str) -> None:
    expected = what_a1111_makes_of(text)
    for name, weight, te_weight in parse(text, A1111).tags:
        assert (name, weight if te_weight is None else te_weight, weight) in expected


@given(strategies.parsed_prompts(A1111))
def test_a1111_makes_of_a_prompt_what_was_asked(prompt: ParsedPrompt) -> None:
    text = " ".join(A1111.render(prompt.tags).tokens)
    asked = [(name, weight if te_weight is None else te_weight, weight) for name, weight, te_weight in prompt.tags]
    assert what_a1111_makes_of(text) == asked
