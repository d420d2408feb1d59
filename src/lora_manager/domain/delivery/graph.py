"""A ComfyUI workflow in API format: nodes by id, each with a class and inputs; an input ``[id, slot]`` is a link."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from typing import NamedTuple, Self

from lora_manager.domain.errors import InvalidField, InvalidFields

WORKFLOW = "params.workflow"
_NAMED = 5  # problems or nodes of one workflow that are told at once
_SHOWN = 80  # characters of a name


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
    :param sources: what is linked to, by the node and the name of the input
    """

    classes: Mapping[str, str]
    uses: Sequence[Use]
    sources: Mapping[tuple[str, str], Link]

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
        strange: list[str] = []
        for node, content in workflow.items():
            match content:
                case {"class_type": str(class_type), "inputs": {**inputs}}:
                    classes[node] = class_type
                    uses.extend(
                        Use(node, str(name), link) for name, value in inputs.items() if (link := link_of(value))
                    )
                case _:
                    strange.append(node)
        dangling = [use for use in uses if use.source.node not in workflow]
        if strange or dangling:
            problems = chain(map(_is_no_node, strange), map(_dangles, dangling))
            raise refusal(*islice(problems, _NAMED), more=len(strange) + len(dangling) - _NAMED)
        graph = cls(classes, tuple(uses), {(use.node, use.name): use.source for use in uses})
        graph._require_no_circle()
        return graph

    def described(self, nodes: Sequence[str]) -> str:
        """The first few nodes with their classes, for a message."""
        listed = [f"{shown(node)} ({self.classes[node][:_SHOWN]})" for node in nodes[:_NAMED]]
        return ", ".join(listed) + _and_more(len(nodes) - _NAMED)

    def feeding(self, name: str) -> Mapping[str, Link]:
        """Of every node that is linked to an input of this name somewhere, the first output that is."""
        outputs: dict[str, Link] = {}
        for use in self.uses:
            if use.name == name:
                outputs[use.source.node] = min(use.source, outputs.get(use.source.node, use.source))
        return outputs

    def source(self, node: str, name: str) -> Link | None:
        """What an input of a node is linked to."""
        return self.sources.get((node, name))

    def with_all_before(self, nodes: Iterable[str]) -> frozenset[str]:
        """The nodes and everything that leads to them."""
        found: set[str] = set()
        waiting = list(nodes)
        before = self._before()
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(before[node])
        return frozenset(found)

    def _before(self) -> dict[str, set[str]]:
        """The nodes that each node is linked to."""
        before: dict[str, set[str]] = {node: set() for node in self.classes}
        for use in self.uses:
            before[use.node].add(use.source.node)
        return before

    def _require_no_circle(self) -> None:
        try:
            TopologicalSorter(self._before()).prepare()
        except CycleError as error:
            _, circle = error.args
            listed = " -> ".join(map(shown, circle[:_NAMED]))
            raise refusal(f"links its nodes in a circle: {listed}{_and_more(len(circle) - _NAMED)}") from error


def shown(name: str) -> str:
    """The name of a node in quotes, cut where it is too long to show."""
    return repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}..."


def refusal(*problems: str, more: int = 0) -> InvalidFields:
    """The error that names problems of a workflow.

    :param more: how many there are besides
    """
    rest = [f"and {more} more like these"] if more > 0 else []
    return InvalidFields(InvalidField(WORKFLOW, problem) for problem in (*problems, *rest))


def _is_no_node(node: str) -> str:
    return f"node {shown(node)} must be an object with the text class_type and the object inputs"


def _dangles(use: Use) -> str:
    place = f"node {shown(use.node)}, input {use.name[:_SHOWN]}"
    return f"{place}: is linked to node {shown(use.source.node)}, which is not there"


def _and_more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
