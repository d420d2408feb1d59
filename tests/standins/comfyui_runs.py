"""What ComfyUI does with the workflows it has taken: queue, runs, cache, history."""

import asyncio
import heapq
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from tests.standins.comfyui_wire import Json

Graph = Mapping[str, Json]
Item = tuple[float, str, Graph, dict[str, Json], list[str]]


@dataclass
class Switches:
    """How tests make the server misbehave.

    :param loras: the files in its LoRA folder
    :param truncated: those of them that end too early
    :param looks_before_history: how many looks into the history come between a run's success and its entry there
    :param out_of_memory: whether samplers find too little memory
    :param gate: samplers wait here before each step
    :param files: how many were written so far
    """

    loras: list[str]
    truncated: set[str] = field(default_factory=set)
    looks_before_history: int = 0
    out_of_memory: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    files: int = 0


class Audience(Protocol):
    """Whoever is told what happens."""

    def tell(self, item: Item, event: str, **data: Json) -> None: ...

    def tell_queue(self) -> None: ...

    async def notify(self) -> None: ...


class _Interrupted(Exception):
    pass


class _Failed(Exception):
    """A node raised this."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(message)


class Runs:
    """One life of the server's process: everything here is lost with it.

    :ivar node: the one that runs
    """

    def __init__(self, switches: Switches, audience: Audience) -> None:
        self.history: dict[str, Json] = {}
        self.pending: list[Item] = []
        self.running: Item | None = None
        self.node: str | None = None
        self.number = 0
        self.cache: dict[str, dict[str, Json]] = {}
        self.interrupt = asyncio.Event()
        self.history_looks = asyncio.Semaphore(0)
        self._switches = switches
        self._audience = audience
        self._arrived = asyncio.Event()
        self._worker = asyncio.create_task(self._work())

    @property
    def remaining(self) -> int:
        return len(self.pending) + (self.running is not None)

    async def stop(self) -> None:
        self._worker.cancel()
        with suppress(asyncio.CancelledError):
            await self._worker

    def push(self, item: Item) -> None:
        """Queue it; with a number and an id that wait already this raises, and the item is queued all the same."""
        self._arrived.set()
        heapq.heappush(self.pending, item)
        self._audience.tell_queue()

    def delete(self, run_id: str) -> None:
        """Take one of this id out of the queue."""
        found = next((item for item in self.pending if item[1] == run_id), None)
        if found is not None:
            self.pending.remove(found)
            heapq.heapify(self.pending)
            self._audience.tell_queue()

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self.history.pop(run_id, None)

    async def _work(self) -> None:
        while True:
            while not self.pending:
                self._arrived.clear()
                await self._arrived.wait()
            item = heapq.heappop(self.pending)
            self.running = item
            self._audience.tell_queue()
            self.interrupt.clear()
            entry = await self._execute(item)
            self.running, self.node = None, None
            self.history.pop(item[1], None)
            self.history[item[1]] = entry
            self._audience.tell_queue()
            self._audience.tell(item, "executing", node=None)
            await self._audience.notify()

    async def _execute(self, item: Item) -> dict[str, Json]:
        _, run_id, graph, _, targets = item
        messages: list[list[Json]] = []

        def say(event: str, **data: Json) -> None:
            messages.append([event, {"prompt_id": run_id, **data, "timestamp": int(time.time() * 1000)}])
            self._audience.tell(item, event, **data, timestamp=messages[-1][1]["timestamp"])

        signatures = {node: _signature(graph, node) for node in _needed(graph, targets)}
        cached = [node for node in graph if signatures.get(node) in self.cache]
        outputs: dict[str, Json] = {}
        executed: list[str] = []
        say("execution_start")
        say("execution_cached", nodes=cached)
        try:
            for node, signature in signatures.items():
                if node not in cached:
                    self.cache[signature] = await self._run_node(item, node)
                    executed.append(node)
                if ui := self.cache[signature]:
                    outputs[node] = ui
                    self._audience.tell(item, "executed", node=node, display_node=node, output=ui)
        except (_Interrupted, _Failed) as end:
            where = {"node_id": self.node, "node_type": graph[str(self.node)]["class_type"], "executed": executed}
            if isinstance(end, _Interrupted):
                say("execution_interrupted", **where)
            else:
                inputs = {name: [_printed(value)] for name, value in graph[str(self.node)]["inputs"].items()}
                say(
                    "execution_error",
                    **where,
                    exception_message=end.message,
                    exception_type=end.kind,
                    traceback=["<cut>"],
                    current_inputs=inputs,
                    current_outputs=list(graph),
                )
            return _entry(item, outputs, "error", messages)
        say("execution_success")
        self.history_looks = asyncio.Semaphore(0)
        for _ in range(self._switches.looks_before_history):
            await self.history_looks.acquire()
        return _entry(item, outputs, "success", messages)

    async def _run_node(self, item: Item, node: str) -> dict[str, Json]:
        """What the node shows of its output."""
        self.node = node
        kind, inputs = item[2][node]["class_type"], item[2][node]["inputs"]
        self._audience.tell(item, "progress_state", nodes={node: _state(item, node, "running")})
        self._audience.tell(item, "executing", node=node, display_node=node)
        await self._audience.notify()
        if kind.startswith("LoraLoader"):
            self._load(inputs)
        if kind == "KSampler":
            await self._sample(item, node, int(inputs["steps"]))
        self._audience.tell(item, "progress_state", nodes={node: _state(item, node, "finished")})
        if kind != "SaveImage":
            return {}
        self._switches.files += 1
        name = f"{inputs['filename_prefix']}_{self._switches.files:05}_.png"
        return {"images": [{"filename": name, "subfolder": "", "type": "output"}]}

    def _load(self, inputs: Mapping[str, Json]) -> None:
        name = inputs["lora_name"]
        if not inputs["strength_model"] and not inputs.get("strength_clip"):
            return
        if name not in self._switches.loras:
            raise _Failed("FileNotFoundError", f"Model in folder 'loras' with filename '{name}' not found.\n")
        if name in self._switches.truncated:
            said = "Error while deserializing header: incomplete metadata, file not fully covered\n"
            raise _Failed("safetensors._safetensors_rust.SafetensorError", said)

    async def _sample(self, item: Item, node: str, steps: int) -> None:
        if self._switches.out_of_memory:  # not recorded: torch's words
            raise _Failed("torch.OutOfMemoryError", "Allocation on device \n")
        for step in range(1, steps + 1):
            gate, interrupt = (asyncio.create_task(event.wait()) for event in (self._switches.gate, self.interrupt))
            try:
                await asyncio.wait({gate, interrupt}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                gate.cancel()
                interrupt.cancel()
            if self.interrupt.is_set():
                raise _Interrupted
            self._audience.tell(item, "progress", value=step, max=steps, node=node)


def _printed(value: Json) -> Json:
    """An input as an error shows it: objects by their repr."""
    return f"<object of {value}>" if isinstance(value, list) else value


def _needed(graph: Graph, targets: Sequence[str]) -> list[str]:
    """The nodes that the outputs need, each after those it needs."""
    needed: list[str] = []

    def visit(node: str) -> None:
        for value in graph[node]["inputs"].values():
            if isinstance(value, list):
                visit(value[0])
        if node not in needed:
            needed.append(node)

    for target in targets:
        visit(target)
    return needed


def _signature(graph: Graph, node: str) -> str:
    """By what a node's output is cached: its inputs and theirs, not the contents of files."""
    inputs = {
        name: [_signature(graph, value[0]), value[1]] if isinstance(value, list) else value
        for name, value in graph[node]["inputs"].items()
    }
    return json.dumps([graph[node]["class_type"], inputs], sort_keys=True)


def _state(item: Item, node: str, state: str) -> dict[str, Json]:
    value = 1.0 if state == "finished" else 0.0
    ids = {"node_id": node, "prompt_id": item[1], "display_node_id": node, "parent_node_id": None, "real_node_id": node}
    return {"value": value, "max": 1.0, "state": state, **ids}


def _entry(item: Item, outputs: Mapping[str, Json], word: str, messages: list[list[Json]]) -> dict[str, Json]:
    meta = {
        node: {"node_id": node, "display_node": node, "parent_node": None, "real_node_id": node} for node in outputs
    }
    status = {"status_str": word, "completed": word == "success", "messages": messages}
    return {"prompt": list(item), "outputs": outputs, "status": status, "meta": meta}
