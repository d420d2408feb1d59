import copy
from itertools import pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from lora_manager.domain.delivery.graph import Graph
from lora_manager.domain.delivery.workflow import LoraNode, chain_loras, fill_prompt
from lora_manager.testing.strategies import weights
from tests.unit.domain.delivery.workflows import Workflow, workflows

LORAS = st.lists(st.builds(LoraNode, st.text(min_size=1, max_size=5), weights(), weights()), max_size=5)


def new_nodes(before: Workflow, after: dict[str, object]) -> list[tuple[str, dict[str, Any]]]:
    added: Any = after
    return [(name, content["inputs"]) for name, content in added.items() if name not in before]


def without(added: list[tuple[str, dict[str, Any]]], workflow: dict[str, object]) -> dict[str, object]:
    """The workflow with the chain taken out again and its ends tied together."""
    outputs, last = added[0][1], added[-1][0]
    origin = {(last, 0): outputs["model"], (last, 1): outputs.get("clip")}
    restored = copy.deepcopy({name: content for name, content in workflow.items() if name not in dict(added)})
    contents: Any = restored
    for content in contents.values():
        for name, value in content["inputs"].items():
            if isinstance(value, list) and tuple(value) in origin:
                content["inputs"][name] = origin[value[0], value[1]]
    return restored


@given(workflows(), LORAS)
def test_every_other_node_and_link_is_kept(workflow: Workflow, loras: list[LoraNode]) -> None:
    assume(loras)
    chained = chain_loras(workflow, loras, None)
    assert without(new_nodes(workflow, chained), chained) == workflow


@given(workflows(), LORAS)
def test_the_loras_are_chained_in_their_order(workflow: Workflow, loras: list[LoraNode]) -> None:
    added = new_nodes(workflow, chain_loras(workflow, loras, None))
    assert [(inputs["lora_name"], inputs["strength_model"]) for _, inputs in added] == [
        (lora.lora_name, lora.strength_model) for lora in loras
    ]
    for (before, _), (_, inputs) in pairwise(added):
        assert inputs["model"] == [before, 0]
        assert inputs.get("clip", [before, 1]) == [before, 1]


@given(workflows(), LORAS)
def test_nothing_but_the_first_lora_still_hangs_on_the_loader(workflow: Workflow, loras: list[LoraNode]) -> None:
    assume(loras)
    chained = chain_loras(workflow, loras, None)
    (first, inputs), *_ = new_nodes(workflow, chained)
    ends = [inputs["model"], inputs.get("clip")]
    assert {use.node for use in Graph.read(chained).uses if list(use.source) in ends} == {first}


@given(workflows(), LORAS, st.data())
def test_no_circle_arises_whichever_node_is_named_as_loader(
    workflow: Workflow, loras: list[LoraNode], data: st.DataObject
) -> None:
    loader = data.draw(st.sampled_from(sorted(Graph.read(workflow).feeding("model"))))
    chained = chain_loras(workflow, loras, loader)
    Graph.read(chained)
    assert [inputs["lora_name"] for _, inputs in new_nodes(workflow, chained)] == [lora.lora_name for lora in loras]


@given(workflows(), LORAS)
def test_a_text_encoder_gets_the_loras_wherever_there_is_one(workflow: Workflow, loras: list[LoraNode]) -> None:
    has_clip = any("clip" in content["inputs"] for content in workflow.values())
    for _, inputs in new_nodes(workflow, chain_loras(workflow, loras, None)):
        assert ("strength_clip" in inputs) == has_clip


@given(workflows())
def test_without_loras_nothing_changes(workflow: Workflow) -> None:
    assert chain_loras(workflow, [], None) == workflow


@given(workflows(), LORAS, st.text(max_size=5))
def test_what_was_given_is_not_changed(workflow: Workflow, loras: list[LoraNode], text: str) -> None:
    as_it_was = copy.deepcopy(workflow)
    fill_prompt(chain_loras(workflow, loras, None), text)
    assert workflow == as_it_was
