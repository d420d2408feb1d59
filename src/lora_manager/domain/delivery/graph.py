"""A ComfyUI workflow in API format: nodes by id, each with a class and inputs; an input ``[id, slot]`` is a link."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, Self

from lora_manager.domain.errors import InvalidField, InvalidFields

WORKFLOW = "params.workflow"
_NAMED = 5  # problems of one workflow that are told at once


class Link(NamedTuple):
    """An output of a node.

    :param slot: 0 for its first
    """

    node: str
    slot: int


class Use(NamedTuple):
    """An input that is linked to an output."""

    node: str
    name: str
    source: Link


def link_of(value: object) -> Link | None:
    """The link that an input holds, None where it holds a value."""
    match value:
        case [str(node), int(slot)] if not isinstance(slot, bool):
            return Link(node, slot)
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Graph:
    """A workflow whose nodes are complete, whose links lead somewhere, and not in a circle.

    :param classes: of the nodes, by id
    :param uses: every link, in the order of the workflow
    """

    classes: Mapping[str, str]
    uses: Sequence[Use]

    @classmethod
    def read(cls, workflow: Mapping[str, object]) -> Self:
        """Look at a workflow.

        :raises InvalidFields: naming what ComfyUI would refuse, as ``params.workflow``
        """
        if isinstance(workflow.get("nodes"), list):
            raise refusal(
                "is in the format of ComfyUI's editor; save it with Workflow, Export (API) (older: Save (API Format)) "
                "and send that"
            )
        classes: dict[str, str] = {}
        uses: list[Use] = []
        problems: list[str] = []
        for node, content in workflow.items():
            match content:
                case {"class_type": str(class_type), "inputs": {**inputs}}:
                    classes[node] = class_type
                    uses.extend(
                        Use(node, str(name), link) for name, value in inputs.items() if (link := link_of(value))
                    )
                case _:
                    problems.append(f"node {node!r} must be an object with the text class_type and the object inputs")
        problems.extend(
            f"node {use.node!r}, input {use.name}: is linked to node {use.source.node!r}, which is not there"
            for use in uses
            if use.source.node not in workflow
        )
        if problems:
            raise refusal(*problems)
        graph = cls(classes, tuple(uses))
        graph._require_no_circle()
        return graph

    def described(self, nodes: Iterable[str]) -> str:
        """The nodes with their classes, for a message."""
        return ", ".join(f"{node!r} ({self.classes[node]})" for node in nodes)

    def feeding(self, name: str) -> Mapping[str, Link]:
        """Of every node that is linked to an input of this name somewhere, the first output that is."""
        outputs: dict[str, Link] = {}
        for use in self.uses:
            if use.name == name:
                outputs[use.source.node] = min(use.source, outputs.get(use.source.node, use.source))
        return outputs

    def source(self, node: str, name: str) -> Link | None:
        """What an input of a node is linked to."""
        return next((use.source for use in self.uses if use.node == node and use.name == name), None)

    def with_all_before(self, nodes: Iterable[str]) -> frozenset[str]:
        """The nodes and everything that leads to them."""
        found: set[str] = set()
        waiting = list(nodes)
        sources = self._sources()
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(sources[node])
        return frozenset(found)

    def _sources(self) -> dict[str, set[str]]:
        sources: dict[str, set[str]] = {node: set() for node in self.classes}
        for use in self.uses:
            sources[use.node].add(use.source.node)
        return sources

    def _require_no_circle(self) -> None:
        try:
            TopologicalSorter(self._sources()).prepare()
        except CycleError as error:
            _, circle = error.args
            raise refusal(f"links its nodes in a circle: {' -> '.join(map(repr, circle))}") from error


def refusal(*problems: str) -> InvalidFields:
    """The error that names the first few problems of a workflow."""
    return InvalidFields(_some(problems))


def _some(problems: Sequence[str]) -> Iterator[InvalidField]:
    for problem in problems[:_NAMED]:
        yield InvalidField(WORKFLOW, problem)
    if len(problems) > _NAMED:
        yield InvalidField(WORKFLOW, f"and {len(problems) - _NAMED} more like these")
