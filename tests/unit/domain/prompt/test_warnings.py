from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.file.record import FileState
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
    TemplateDialect,
    WarningCode,
    compose,
)
from lora_manager.testing import strategies
from tests.unit.domain.prompt.examples import a_file, a_lora, codes, composed

PAGE = Path(__file__).parents[4] / "docs" / "composition.md"


def test_a_thousand_sound_loras_are_nothing_to_warn_of() -> None:
    loras = [a_lora(f"ink-{number}", base_model="sdxl", file=a_file()) for number in range(1000)]
    assert codes(composed(*loras, base_model="SDXL")) == []


def test_no_lora_is_warned_of() -> None:
    assert codes(composed(prefix="a heron # note")) == [WarningCode.NO_ACTIVE_ADAPTERS]


@pytest.mark.parametrize(
    ("weight", "warned"), [(0.0, True), (0.000499, True), (-0.000499, True), (0.0005, False), (-0.0005, False)]
)
def test_a_weight_that_is_written_as_zero_is_warned_of(weight: float, warned: bool) -> None:
    assert codes(composed(a_lora(weight=weight))) == [WarningCode.WEIGHT_ZERO] * warned


def test_the_weight_asked_for_is_the_one_that_counts() -> None:
    assert codes(compose([Member(a_lora(), 0.0)])) == [WarningCode.WEIGHT_ZERO]
    assert codes(compose([Member(a_lora(weight=0.0), 0.5)])) == []


@pytest.mark.parametrize(
    ("state", "warning"),
    [
        (FileState.PRESENT, []),
        (FileState.MISSING, [WarningCode.FILE_MISSING]),
        (FileState.CHANGED, [WarningCode.FILE_CHANGED]),
        (FileState.UNREADABLE, [WarningCode.FILE_UNREADABLE]),
    ],
)
def test_a_file_that_is_not_as_it_was_registered_is_warned_of(state: FileState, warning: list[WarningCode]) -> None:
    lora = a_lora(file=a_file(state))
    composition = composed(lora)
    assert codes(composition) == warning
    assert all(lora.file_path in warning.message for warning in composition.warnings)


def test_mixed_base_models_are_warned_of_once_with_the_loras_of_each() -> None:
    loras = [a_lora(f"ink{number}", base_model="sdxl") for number in range(5)]
    composition = composed(*loras, a_lora("neon", base_model="flux"), a_lora("fog"))
    assert codes(composition) == [WarningCode.BASE_MODELS_MIXED]
    assert "flux: 'neon'; sdxl: 'ink0', 'ink1', 'ink2' and 2 more" in composition.warnings[0].message
    assert composition.warnings[0].lora_id is None


def test_a_lora_of_another_base_model_than_asked_for_is_warned_of() -> None:
    right, wrong, unknown = a_lora("a", base_model="sdxl"), a_lora("b", base_model="flux"), a_lora("c")
    composition = composed(right, wrong, unknown, base_model="sdxl")
    assert [(warning.code, warning.lora_id) for warning in composition.warnings] == [
        (WarningCode.BASE_MODEL_MISMATCH, wrong.id),
        (WarningCode.BASE_MODEL_UNKNOWN, unknown.id),
    ]


FOUND_BY_NAME = {
    A1111: {"stem", "alias"},
    SDNEXT: {"stem", "alias", "folder and stem", "dots as underscores"},
    COMFYUI_LORA_MANAGER: {"stem", "folder and stem"},
    SDCPP: {"stem", "alias", "folder and stem", "dots as underscores", "other", "part of a folder", "with extension"},
    TemplateDialect("[{name}]"): {"stem", "alias"},
}


@pytest.mark.parametrize("dialect", FOUND_BY_NAME, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("folder", ["/loras/styles/", "s3://loras/styles/", "C:\\loras\\styles\\"])
@pytest.mark.parametrize(
    ("how", "name"),
    [
        ("stem", "ink.v2"),
        ("alias", "trained ink"),
        ("folder and stem", "styles/ink.v2"),
        ("dots as underscores", "ink_v2"),
        ("other", "wash"),
        ("part of a folder", "yles/ink.v2"),
        ("with extension", "ink.v2.safetensors"),
    ],
)
def test_a_name_the_runtime_will_not_find_is_warned_of(dialect: Dialect, folder: str, how: str, name: str) -> None:
    lora = a_lora(name, file_path=f"{folder}ink.v2.safetensors", file=a_file(output_name="trained ink"))
    found = how in FOUND_BY_NAME[dialect]
    assert (WarningCode.NAME_NOT_FILE_STEM in codes(composed(lora, dialect=dialect))) is not found


def test_a_file_without_extension_is_found_by_its_whole_name() -> None:
    assert codes(composed(a_lora(file_path="/loras/a.b/ink"))) == []
    assert codes(composed(a_lora("b", file_path="/loras/a.b/ink"))) == [WarningCode.NAME_NOT_FILE_STEM]


@pytest.mark.parametrize(
    ("dialect", "name"),
    [
        (A1111, "ink #2"),
        (SDNEXT, "{red|blue} ink"),
        (SDNEXT, "__ink__"),
        (COMFYUI_LORA_MANAGER, "a,b"),
        (COMFYUI_LORA_MANAGER, "a  b"),
        (TemplateDialect("[{name}]"), "ink]"),
    ],
)
def test_a_name_that_settings_or_versions_of_a_runtime_spoil_is_warned_of(dialect: Dialect, name: str) -> None:
    composition = composed(a_lora(name), dialect=dialect)
    assert codes(composition) == [WarningCode.NAME_NOT_WRITABLE]
    assert repr(name) in composition.warnings[0].message


def test_a_weight_that_the_dialect_has_no_place_for_is_warned_of() -> None:
    lora = a_lora(weight=0.5, te_weight=0.25)
    lost = [WarningCode.WEIGHT_LOST, WarningCode.TE_WEIGHT_LOST]
    assert codes(composed(lora, dialect=SDCPP)) == [WarningCode.TE_WEIGHT_LOST]
    assert codes(composed(lora, dialect=TemplateDialect("[{name}]"))) == lost
    assert codes(composed(lora, dialect=TemplateDialect("[{name}|{weight}|{te_weight}]"))) == []


@pytest.mark.parametrize("dialect", [SDCPP, TemplateDialect("[{name}]")], ids=lambda dialect: dialect.name)
def test_a_weight_that_is_not_lost_is_not_warned_of(dialect: Dialect) -> None:
    assert codes(composed(a_lora(te_weight=1.0), dialect=dialect)) == []


@pytest.mark.parametrize(
    ("prefix", "separator", "warned"),
    [
        ("#1 heron", " ", True),
        ("#1 heron\nby the sea", " ", False),
        ("by the sea\na heron # note", "\n", False),
        ("a heron", " # ", True),
        ("a heron", " ", False),
    ],
)
def test_a_comment_that_hides_tokens_is_warned_of(prefix: str, separator: str, warned: bool) -> None:
    composition = composed(a_lora(), prefix=prefix, separator=separator)
    assert codes(composition) == [WarningCode.COMMENT_HIDES_TOKENS] * warned


def test_what_is_no_comment_to_the_runtime_is_not_warned_of() -> None:
    assert codes(composed(a_lora(), prefix="#1 heron", dialect=SDNEXT)) == []


@given(strategies.registries(), st.sampled_from(Dedupe), st.sampled_from([None, "sdxl"]))
def test_every_warning_is_a_sentence_about_a_lora_at_hand(
    loras: list[Lora], dedupe: Dedupe, base_model: str | None
) -> None:
    options = CompositionOptions(dialect=SDCPP, dedupe=dedupe, base_model=base_model)
    known = {lora.id for lora in loras} | {None}
    for warning in compose([Member(lora) for lora in loras], options).warnings:
        assert warning.lora_id in known
        assert warning.message.strip()


@pytest.mark.parametrize("code", WarningCode)
def test_every_warning_is_explained_in_the_documentation(code: WarningCode) -> None:
    assert f"| `{code}` |" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", DIALECTS)
def test_every_dialect_is_explained_in_the_documentation(name: str) -> None:
    assert f"| `{name}` |" in PAGE.read_text(encoding="utf-8")
