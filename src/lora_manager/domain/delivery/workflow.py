"""Putting LoRAs and a prompt into a ComfyUI workflow, which reads no tags from text.

A LoRA is a node between the one that loads the model and everything that uses it. Ours come directly after the base
loader, so that LoRAs the workflow brings itself stay and follow; naming one of these as ``loader`` puts ours after it.
Source: ComfyUI nodes.py, LoraLoader and LoraLoaderModelOnly.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from lora_manager.domain.delivery.graph import Graph, Link, link_of, refusal, shown
from lora_manager.domain.errors import InvalidField, InvalidFields

LOADER = "params.loader"
PLACEHOLDER = "{prompt}"
MAX_PLACES = 100  # for the prompt: a short workflow must not unfold to one that no memory holds
MODEL, CLIP = "model", "clip"
"""The inputs by which nodes take a model and a text encoder: what feeds them says where LoRAs go, not its class."""


class LoraNode(NamedTuple):
    """A LoRA as a node names it.

    :param lora_name: the file, exactly as the server lists it
    :param strength_model: -100..100
    :param strength_clip: -100..100; not used where the workflow has no text encoder
    """

    lora_name: str
    strength_model: float
    strength_clip: float


class _Anchor(NamedTuple):
    """The outputs that the first LoRA is linked to."""

    model: Link
    clip: Link | None


def check_workflow(workflow: Mapping[str, object], loader: str | None, *, needs_loras: bool) -> None:
    """Whether ComfyUI can take the workflow and LoRAs can be put into it, as far as that is known without the server.

    :param loader: the id of the node that the LoRAs are chained to, None where only one can be meant
    :param needs_loras: whether there will be LoRAs
    :raises InvalidFields: naming ``params.workflow`` or ``params.loader``
    """
    graph = Graph.read(workflow)
    if (places := _count_of_places(workflow)) > MAX_PLACES:
        raise refusal(f"holds {PLACEHOLDER} {places} times, at most {MAX_PLACES} are allowed")
    if needs_loras or loader is not None:
        _find_anchor(graph, loader)


def chain_loras(workflow: Mapping[str, object], loras: Sequence[LoraNode], loader: str | None) -> dict[str, object]:
    """The workflow with the LoRAs chained to its loader in their order, and what hung on the loader hung on the last.

    :param loader: see :func:`check_workflow`
    :raises InvalidFields: see :func:`check_workflow`
    """
    if not loras:
        return dict(workflow)
    graph = Graph.read(workflow)
    model, clip = anchor = _find_anchor(graph, loader)
    chain: dict[str, object] = {}
    for node, lora in zip(_free_ids(workflow), loras, strict=False):  # there are always more ids
        chain[node] = _node(lora, model, clip)
        model, clip = Link(node, 0), None if clip is None else Link(node, 1)
    moved = {anchor.model: model}
    if anchor.clip is not None and clip is not None:
        moved[anchor.clip] = clip
    # What leads to the loader must not come to depend on what follows it.
    kept = graph.with_all_before(link.node for link in anchor if link is not None)

    def relinked(value: object) -> object:
        link = link_of(value)
        return value if link is None else list(moved.get(link, link))

    rest = {node: content if node in kept else _changed(content, relinked) for node, content in workflow.items()}
    return rest | chain


def fill_prompt(workflow: Mapping[str, object], text: str) -> dict[str, object]:
    """The workflow with ``{prompt}`` replaced in every text that is an input."""

    def filled(value: object) -> object:
        return value.replace(PLACEHOLDER, text) if isinstance(value, str) else value

    return {node: _changed(content, filled) for node, content in workflow.items()}


def has_place(workflow: Mapping[str, object]) -> bool:
    """Whether the text of a prompt goes anywhere."""
    return _count_of_places(workflow) > 0


def _count_of_places(workflow: Mapping[str, object]) -> int:
    """How often the placeholder stands in inputs."""
    return sum(
        value.count(PLACEHOLDER)
        for content in workflow.values()
        if isinstance(content, dict) and isinstance(inputs := content.get("inputs"), dict)
        for value in inputs.values()
        if isinstance(value, str)
    )


def _find_anchor(graph: Graph, loader: str | None) -> _Anchor:
    models = graph.feeding(MODEL)
    bases = [node for node in models if graph.source(node, MODEL) is None]
    if not bases:
        raise refusal(
            "has no place for a LoRA: no node is linked to an input named model; "
            "send a workflow that loads a model, or a prompt without LoRAs"
        )
    if loader is None:
        if len(bases) > 1:
            raise _loader_refusal(f"must name the node that the LoRAs follow; {graph.described(bases)} load models")
        (loader,) = bases
    if loader not in graph.classes:
        raise _loader_refusal(
            f"there is no node {shown(loader)} in the workflow; models come from {graph.described(bases)}"
        )
    if loader not in models:
        raise _loader_refusal(
            f"no input named model is linked to node {graph.described([loader])}; models come from "
            f"{graph.described(bases)}"
        )
    return _Anchor(models[loader], _clip_for(graph, loader))


def _clip_for(graph: Graph, loader: str) -> Link | None:
    """The text encoder of a model: from the nearest node of its own chain, or from the only separate loader."""
    clips = graph.feeding(CLIP)
    node: str | None = loader
    while node is not None:
        if node in clips:
            return clips[node]
        above = graph.source(node, MODEL)
        node = above.node if above else None
    models = graph.feeding(MODEL)
    separate = [node for node in clips if node not in models and graph.source(node, CLIP) is None]
    if len(separate) > 1:
        raise refusal(
            f"loads text encoders in several nodes ({graph.described(separate)}), and which of them belongs to "
            f"{graph.described([loader])} is not clear; put a LoraLoader of strength 0 between the right ones and what "
            "uses them, and name it as params.loader"
        )
    return clips[separate[0]] if separate else None


def _loader_refusal(reason: str) -> InvalidFields:
    return InvalidFields([InvalidField(LOADER, reason)])


def _free_ids(workflow: Mapping[str, object]) -> Iterable[str]:
    return (node for number in count(1) if (node := f"lora-{number}") not in workflow)


def _node(lora: LoraNode, model: Link, clip: Link | None) -> dict[str, object]:
    common = {MODEL: list(model), "lora_name": lora.lora_name, "strength_model": lora.strength_model}
    if clip is None:
        return {"class_type": "LoraLoaderModelOnly", "inputs": common}
    return {
        "class_type": "LoraLoader",
        "inputs": {**common, CLIP: list(clip), "strength_clip": lora.strength_clip},
    }


def _changed(content: object, change: Callable[[object], object]) -> object:
    """A node with each of its inputs changed; what is no node stays, for the server to judge."""
    match content:
        case {"inputs": {**inputs}, **others}:
            return {**others, "inputs": {name: change(value) for name, value in inputs.items()}}
        case _:
            return content
