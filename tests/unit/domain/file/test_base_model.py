"""Which model family a LoRA was made for, as its layers' names and shapes show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.file import guess_base_model
from lora_manager.domain.file.base_model_rules import RULES
from lora_manager.domain.file.clues import Clues
from lora_manager.domain.file.survey import survey
from tests.unit.domain.file.building import Tensors, header_of, lora, peft
from tests.unit.domain.file.layouts import FAMILIES, WAN, unet


@pytest.mark.parametrize(("family", "tensors"), FAMILIES.values(), ids=FAMILIES.keys())
def test_a_family_is_told_by_names_and_shapes_alone(family: str | None, tensors: Tensors) -> None:
    found = guess_base_model(header_of(tensors))
    assert found.family == family
    assert found.evidence.startswith("keys: " if family else "nothing decisive")


def test_every_rule_decides_some_file() -> None:
    files = [Clues(survey(header_of(tensors))) for _, tensors in FAMILIES.values()]
    deciding = {next((rule for rule in RULES if rule.evidence(clues)), None) for clues in files}
    assert deciding - {None} == set(RULES)


def test_the_evidence_names_the_layers_and_the_shape_that_decided() -> None:
    assert (
        guess_base_model(header_of(lora(unet(2048)))).evidence
        == "keys: down_blocks; shape: attn2_to_k and the like take 2048"
    )
    assert guess_base_model(header_of(peft(WAN))).evidence == "keys: blocks, self_attn_q"


@given(
    st.dictionaries(
        st.text("^$._abcdefiklnoqrstu0129", max_size=40), st.lists(st.integers(0, 5), max_size=3), max_size=5
    )
)
def test_no_names_and_shapes_raise(shapes: dict[str, list[int]]) -> None:
    tensors: Tensors = {
        f"{name}.{part}": ("F16", shape) for name, shape in shapes.items() for part in ("diff", "lora_up")
    }
    assert guess_base_model(header_of(tensors)).evidence
