"""Whatever a workflow holds: LoRAs and a prompt go into it, or it is refused with a few words."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from lora_manager.domain.delivery.graph import Graph
from lora_manager.domain.delivery.workflow import (
    MAX_PLACES,
    PLACEHOLDER,
    LoraNode,
    chain_loras,
    check_workflow,
    fill_prompt,
    has_place,
)
from lora_manager.domain.errors import InvalidFields
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import distorted, json_values, texts
from tests.unit.domain.delivery.workflows import Workflow, node, separate_loaders, txt2img

LORAS = [LoraNode("ink.safetensors", 0.8, 0.8), LoraNode("fog.safetensors", 0.5, 0.25)]
LONGEST_REFUSAL = 4_000  # characters


@st.composite
def tangles(draw: DrawFn) -> Workflow:
    """Nodes that are linked at random: in circles, to nowhere, to outputs that no node has."""
    ids = st.integers(0, 8).map(str) | st.sampled_from(["lora-1", "lora-2", ""])
    links = st.tuples(ids, st.integers(-1, 3)).map(list)
    inputs = st.dictionaries(st.sampled_from(["model", "clip", "text"]), links | texts() | json_values(), max_size=3)
    tangle: Workflow = draw(st.dictionaries(ids, st.builds(lambda given: node("Any", **given), inputs), max_size=9))
    return tangle


def any_workflow() -> st.SearchStrategy[Any]:
    workflows = tangles() | distorted(txt2img(), separate_loaders()) | json_values()
    return workflows.filter(lambda workflow: isinstance(workflow, dict))


def take(workflow: Workflow, loader: str | None = None) -> dict[str, object]:
    """What is done with a workflow from when it is accepted until it is sent."""
    check_workflow(workflow, loader, needs_loras=True)
    has_place(workflow)
    return chain_loras(fill_prompt(workflow, "a cat"), LORAS, loader)


@fuzz
@given(any_workflow(), st.none() | st.sampled_from(["1", "lora-1", "unet"]) | texts())
def test_loras_go_into_any_workflow_or_it_is_refused(workflow: Workflow, loader: str | None) -> None:
    sent = outcome(partial(take, workflow, loader), InvalidFields)
    if isinstance(sent, InvalidFields):
        assert len(str(sent)) <= LONGEST_REFUSAL
        assert {field.name for field in sent.fields} <= {"params.workflow", "params.loader"}
        return
    graph = Graph.read(sent)  # which refuses circles and links to nowhere
    assert len(sent) == len(workflow) + len(LORAS)
    assert sum(use.name == "model" and use.node not in workflow for use in graph.uses) == len(LORAS)


@fuzz
@given(any_workflow(), texts())
def test_the_text_of_a_prompt_goes_into_any_workflow(workflow: Workflow, text: str) -> None:
    filled = fill_prompt(workflow, text)
    assert filled.keys() == workflow.keys()
    assert has_place(workflow) or filled == workflow


def _chain(count: int, **more: object) -> Workflow:
    """Nodes that pass a model on, one to the next."""
    return {str(n): node("N", **({"model": [str(n - 1), 0]} if n else {}), **more) for n in range(count)}


# Workflows by what there is much of in them.
SWOLLEN: dict[str, Callable[[int], Workflow]] = {
    "models in a row": _chain,
    "text encoders in a row": lambda n: (
        {str(k): node("N", model=["0", 0], clip=[str(k - 1), 1]) for k in range(1, n)} | {"0": node("N")}
    ),
    "loaders": lambda n: {str(k): node("N", **({"model": [str(k - n), 0]} if k >= n else {})) for k in range(2 * n)},
    "users of one model": lambda n: {"0": node("N")} | {str(k): node("N", model=["0", 0]) for k in range(1, n)},
    "inputs": lambda n: {"0": node("N"), "1": node("N", model=["0", 0], **{f"i{k}": ["0", 0] for k in range(n)})},
    "links to nowhere": lambda n: {"n" * n: node("N", **{f"i{k}": ["q" * 50, 0] for k in range(n)})},
    "strange nodes": lambda n: {f"{k}{'n' * 100}": 1 for k in range(n)},
    "a circle": lambda n: _chain(n) | {"0": node("N", model=[str(n - 1), 0])},
    "circles": lambda n: {str(k): node("N", model=[str(k ^ 1), 0]) for k in range(2 * n)},
    "ids like ours": lambda n: {f"lora-{k}": node("N", model=["0", 0]) for k in range(n)} | {"0": node("N")},
    "places": lambda n: {"0": node("N"), "1": node("N", model=["0", 0], text=PLACEHOLDER * n)},
    "long names": lambda n: {"a" * n: node("b" * n), "c" * n: node("d" * n, model=["a" * n, 0], **{"e" * n: 1})},
}


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_workflow_takes_no_more_than_twice_the_work(shape: str) -> None:
    require_linear(lambda size: partial(take, SWOLLEN[shape](size)), 200, InvalidFields)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_workflow_takes_memory_in_proportion_to_its_size(shape: str) -> None:
    workflow = SWOLLEN[shape](500)
    require_memory(partial(take, workflow), len(json.dumps(workflow)), 40, InvalidFields)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_workflow_of_thousands_of_nodes_is_taken_or_refused_with_a_few_words(shape: str) -> None:
    answer = outcome(partial(take, SWOLLEN[shape](5_000)), InvalidFields)  # in quadratic time this would take minutes
    assert not isinstance(answer, InvalidFields) or len(str(answer)) <= LONGEST_REFUSAL


def test_a_prompt_cannot_unfold_a_workflow_beyond_all_memory() -> None:
    workflow = SWOLLEN["places"](MAX_PLACES + 1)
    refused = outcome(partial(check_workflow, workflow, None, needs_loras=False), InvalidFields)
    assert str(refused) == "params.workflow: holds {prompt} 101 times, at most 100 are allowed"
    check_workflow(SWOLLEN["places"](MAX_PLACES), None, needs_loras=False)


def test_what_is_wrong_with_a_large_workflow_is_told_by_a_few_examples() -> None:
    refused = outcome(partial(take, SWOLLEN["links to nowhere"](1_000)), InvalidFields)
    assert isinstance(refused, InvalidFields)
    assert len(refused.fields) == 6
    assert refused.fields[-1].reason == "and 995 more like these"
    many = outcome(partial(take, SWOLLEN["loaders"](100)), InvalidFields)
    assert "'4' (N) and 95 more load models" in str(many)
    circle = outcome(partial(take, SWOLLEN["a circle"](100)), InvalidFields)
    assert str(circle).endswith(" and 96 more")
