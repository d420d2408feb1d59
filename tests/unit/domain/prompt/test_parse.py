import pytest
from hypothesis import given

from lora_manager.domain.prompt import (
    A1111,
    COMFYUI_LORA_MANAGER,
    SDCPP,
    SDNEXT,
    Dialect,
    LoraEntry,
    LoraTag,
    ParsedPrompt,
    TemplateDialect,
    parse,
    render,
)
from lora_manager.testing import strategies
from tests.dialects import EVERY_DIALECT


@pytest.mark.parametrize(
    ("arguments", "weight", "te_weight"),
    [
        ("ink", 1.0, None),
        ("ink:0.8", 0.8, None),
        ("ink:0.5:1", 1.0, 0.5),
        ("ink:0.5:0.5", 0.5, None),
        ("ink:unet=0.7", 0.7, 1.0),
        ("ink:te=0.7", 0.7, None),
        ("ink:0.3:te=0.7:unet=0.2", 0.2, 0.7),
        ("ink:.5", 0.5, None),
        ("ink: 1e-1 ", 0.1, None),
        ("ink:-0", 0.0, None),
    ],
)
def test_a1111_reads_arguments_by_place_and_by_name(arguments: str, weight: float, te_weight: float | None) -> None:
    assert parse(f"<lora:{arguments}>", A1111) == ParsedPrompt("", (LoraTag("ink", weight, te_weight),))


@pytest.mark.parametrize(
    ("arguments", "weight", "te_weight"),
    [
        ("ink", 1.0, None),
        ("ink:0.8", 0.8, None),
        ("ink:te=0.5:unet=0.8", 0.8, 0.5),
        ("ink:0.8:te=0.5", 0.5, None),
        ("ink:0.8:unet=0.5", 0.5, 0.8),
    ],
)
def test_sdnext_reads_the_model_weight_after_the_text_encoders(
    arguments: str, weight: float, te_weight: float | None
) -> None:
    assert parse(f"<lora:{arguments}>", SDNEXT) == ParsedPrompt("", (LoraTag("ink", weight, te_weight),))


@pytest.mark.parametrize(
    ("text", "weight", "te_weight"),
    [("<lora:ink:0.8>", 0.8, None), ("<LoRA:ink:0.8:0.5>", 0.8, 0.5), ("<lora:styles/ink:1>", 1.0, None)],
)
def test_comfyui_lora_manager_reads_the_model_weight_first(text: str, weight: float, te_weight: float | None) -> None:
    ((name, *weights),) = parse(text, COMFYUI_LORA_MANAGER).tags
    assert name.endswith("ink")
    assert weights == [weight, te_weight]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (A1111, "<lora:ink:high>"),
        (A1111, "<lora:ink:0,8>"),
        (A1111, "<lora:ink:nan>"),
        (A1111, "<lora:ink:1e400>"),
        (A1111, "<lora:ink:101>"),
        (A1111, "<lora:ink:1:1:4>"),
        (A1111, "<lora:ink:1:dyn=4>"),
        (A1111, "<lora::1>"),
        (A1111, "<lora:te=1>"),
        (A1111, "<lora:>"),
        (A1111, "<lora:ink:1"),
        (A1111, "<LORA:ink:1>"),
        (A1111, "<hypernet:ink:1>"),
        (A1111, "<lora:<lora:ink:1>"),
        (SDNEXT, "<lora:ink:0@0,1@0.5>"),
        (SDNEXT, "<lora:ink:1:high>"),
        (SDNEXT, "<lora:ink:1:in=0.5>"),
        (SDNEXT, "<lyco:ink:1>"),
        (COMFYUI_LORA_MANAGER, "<lora:ink>"),
        (COMFYUI_LORA_MANAGER, "<lora:ink:1:1:1>"),
        (COMFYUI_LORA_MANAGER, "<lora:ink:strong>"),
        (SDCPP, "<lora:ink:1>"),
        (TemplateDialect("[{name}|{weight}]"), "[ink|1000]"),
        (TemplateDialect("[{name}|{weight}]"), "[ink|101]"),
    ],
)
def test_what_a_tag_cannot_hold_stays_in_the_text(dialect: Dialect, text: str) -> None:
    assert parse(text, dialect) == ParsedPrompt(text, ())


def test_old_name_of_the_tag_is_read_by_a1111() -> None:
    assert parse("<lyco:ink:0.5>", A1111).tags == (LoraTag("ink", 0.5),)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a cat <lora:ink:1> by the sea", "a cat by the sea"),
        ("a cat<lora:ink:1> by the sea", "a cat by the sea"),
        ("a cat <lora:ink:1>, by the sea", "a cat , by the sea"),
        ("a cat<lora:ink:1>by the sea", "a catby the sea"),
        ("a cat <lora:ink:1>\nby the sea", "a cat\nby the sea"),
        ("a cat   <lora:ink:1> <lora:fog:1>  by the sea", "a cat   by the sea"),
        ("<lora:ink:1> a  cat\n<lora:fog:1>\n", "a  cat"),
        ("  a  cat  ", "a  cat"),
        ("<lora:ink:1>", ""),
    ],
)
def test_of_the_white_space_around_a_tag_the_wider_side_stays(text: str, left: str) -> None:
    assert parse(text).text == left


def test_tags_come_in_the_order_of_the_text_and_repeats_stay() -> None:
    tags = parse("<lora:b:1> x <lora:a:0.5><lora:b:0.25>").tags
    assert tags == (LoraTag("b"), LoraTag("a", 0.5), LoraTag("b", 0.25))


def test_what_stands_beside_the_prompt_comes_after_what_stands_in_it() -> None:
    beside = (LoraEntry("ink.safetensors", 0.5), LoraEntry("motion.safetensors", 1.0, is_high_noise=True))
    assert parse("a cat", SDCPP, beside) == ParsedPrompt(
        "a cat", (LoraTag("ink.safetensors", 0.5), LoraTag("|high_noise|motion.safetensors", 1.0))
    )


@EVERY_DIALECT
@given(text=strategies.any_text())
def test_any_text_can_be_parsed_and_what_is_left_is_all_text(dialect: Dialect, text: str) -> None:
    parsed = parse(text, dialect)
    assert parsed.text == parsed.text.strip()
    assert all(-100 <= weight <= 100 for _, weight, _ in parsed.tags)
    assert sum(map(len, parsed.text)) <= len(text)


@EVERY_DIALECT
@given(text=strategies.any_text())
def test_every_tag_that_is_found_can_be_written_and_is_found_again(dialect: Dialect, text: str) -> None:
    for _, weight, te_weight in parse(text, dialect).tags:
        tag = LoraTag("ink", weight, te_weight)
        again = parse(render(ParsedPrompt("", (tag,)), dialect).text, dialect)
        assert [found.name for found in again.tags] == ["ink"]


OPENINGS = (
    *("<lora:", "<lora:a:1", "<a:", "<", ">", ":", "<lora:a:1>", " <lora:a:1>", "<lora::"),
    *("(", "(a", "a:1", "--lora ", "1 of ", " "),
)


@EVERY_DIALECT
@pytest.mark.parametrize("pattern", OPENINGS, ids=repr)
def test_a_long_row_of_openings_is_parsed(dialect: Dialect, pattern: str) -> None:
    times = 200_000 // len(pattern)  # in quadratic time this would take minutes
    assert len(parse(pattern * times, dialect).tags) <= times


@EVERY_DIALECT
def test_a_megabyte_is_parsed(dialect: Dialect) -> None:
    text = "<lora:" * 100_000 + "[(--lora <a:b<c:d" * 23_000 + "1" * 50_000
    assert parse(text, dialect) == ParsedPrompt(text, ())


@EVERY_DIALECT
@pytest.mark.parametrize("filling", ["a", ":", "=", "1", " ", "te=1:"])
def test_one_very_long_tag_is_parsed(dialect: Dialect, filling: str) -> None:
    assert len(parse(f"<lora:ink:{filling * 100_000}>", dialect).tags) <= 1


def test_much_white_space_between_many_tags_is_parsed() -> None:
    assert parse(" " * 100_000 + "<lora:a:1> " * 20_000 + "x").text == "x"
