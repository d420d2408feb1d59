"""A ComfyUI server on the loopback that answers as a real one (0.3.64) was recorded to, and goes wrong when told to.

It computes nothing: a node takes no time, and a sampler waits between its steps only after ``hold``.
"""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.standins.comfyui_runs import Item, Runs, Switches
from tests.standins.comfyui_validation import kinds, validate
from tests.standins.comfyui_wire import CRASH, Cut, Json, Reply, Socket, Wire

LORAS = ("detail.tweaker v1.2.safetensors", "inkwash-style.safetensors", "sub/nometa_sd15.safetensors")
_NOT_THERE = Reply(404, headers={"Content-Type": "application/octet-stream"})


class ComfyStandIn:
    """The server, and what tests do to it.

    :ivar requests: what was asked so far: method, path without query, decoded body
    :ivar headers: the same requests' headers
    :ivar wire: ``wire.refuses_websockets``, ``wire.cut_all()``
    """

    def __init__(self, loras: Iterable[str] = LORAS) -> None:
        self.switches = Switches(list(loras))
        self.switches.gate.set()
        self.requests: list[tuple[str, str, Json]] = []
        self.headers: list[Mapping[str, str]] = []
        self.wire = Wire()
        self.wire.answer, self.wire.joined, self.wire.left = self._answer, self._joined, self._left
        self.sockets: dict[str, Socket] = {}
        self._sids: dict[Socket, str] = {}
        self._instead: dict[str, deque[Reply | Cut]] = {}
        self._afterwards: dict[str, deque[Reply | Cut]] = {}
        self._changed = asyncio.Condition()
        self.runs = Runs(self.switches, self)

    @classmethod
    @asynccontextmanager
    async def serving(cls, loras: Iterable[str] = LORAS) -> AsyncIterator[Self]:
        """A server that runs as long as the block lasts."""
        comfy = cls(loras)
        async with comfy.wire.serving():
            try:
                yield comfy
            finally:
                await comfy.runs.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.wire.port}"

    @property
    def submitted(self) -> list[Json]:
        """The bodies of every POST /prompt."""
        return [body for method, path, body in self.requests if (method, path) == ("POST", "/prompt")]

    def asked(self, path: str) -> list[Json]:
        """The bodies of every request to this path."""
        return [body for _, asked, body in self.requests if asked == path]

    def instead(self, path: str, *replies: Reply | Cut) -> None:
        """Answer the next requests to this path so, without doing anything; ``/history/{id}`` is ``/history``."""
        self._instead.setdefault(path, deque()).extend(replies)

    def afterwards(self, path: str, *replies: Reply | Cut) -> None:
        """Do what the next requests to this path ask, and then answer so."""
        self._afterwards.setdefault(path, deque()).extend(replies)

    def hold(self) -> None:
        """Let samplers wait before each further step."""
        self.switches.gate.clear()

    def release(self) -> None:
        self.switches.gate.set()

    async def until(self, fact: Callable[["ComfyStandIn"], object]) -> None:
        """Wait until this is so; looked at whenever something was asked or a run got on."""
        async with self._changed:
            await self._changed.wait_for(lambda: fact(self))

    async def until_at(self, node: str) -> None:
        """Wait until this node runs."""
        await self.until(lambda comfy: comfy.runs.node == node)

    async def restart(self) -> None:
        """Die and come back: only the files are left."""
        await self.runs.stop()
        self.wire.cut_all()
        self.runs = Runs(self.switches, self)

    # What is asked

    async def _answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply | Cut:
        parts = urlsplit(path)
        route = "/history" if parts.path.startswith("/history/") else parts.path
        try:
            asked = json.loads(body) if body else None
        except ValueError:
            asked = body
        self.requests.append((method, parts.path, asked))
        self.headers.append(headers)
        try:
            if self._instead.get(route):
                return self._instead[route].popleft()
            if "origin" in headers:
                return Reply(403)
            reply = self._read(parts.path) if method == "GET" else self._change(parts.path, asked)
            if self._afterwards.get(route):
                return self._afterwards[route].popleft()
            return reply
        finally:
            await self.notify()

    def _read(self, path: str) -> Reply:
        runs = self.runs
        if path.startswith("/history/"):
            runs.history_looks.release()
            run_id = unquote(path.removeprefix("/history/"))
            return Reply(content={run_id: runs.history[run_id]} if run_id in runs.history else {})
        answers: dict[str, Callable[[], Json]] = {
            "/models/loras": lambda: self.switches.loras,
            "/object_info/LoraLoader": self._lora_loader,
            "/queue": lambda: {"queue_running": [runs.running] if runs.running else [], "queue_pending": runs.pending},
            "/prompt": lambda: {"exec_info": {"queue_remaining": runs.remaining}},
            "/history": lambda: runs.history,
        }
        return Reply(content=answers[path]()) if path in answers else _NOT_THERE

    def _lora_loader(self) -> Json:
        kind = kinds(self.switches.loras)["LoraLoader"]
        return {"LoraLoader": {"input": {"required": kind.inputs}, "output": kind.outputs, "name": "LoraLoader"}}

    def _change(self, path: str, asked: Json) -> Reply:
        if path == "/interrupt":
            wanted = asked.get("prompt_id") if isinstance(asked, dict) else None
            if self.runs.running and wanted in {None, self.runs.running[1]}:
                self.runs.interrupt.set()
            return Reply()
        if path not in {"/prompt", "/queue", "/history", "/free"}:
            return _NOT_THERE
        if not isinstance(asked, dict):
            return CRASH
        if path == "/prompt":
            return self._submit(asked)
        if path == "/free":
            self.runs.cache.clear()
        elif path == "/history":
            self.runs.forget(asked.get("delete", []))
        else:
            for run_id in asked.get("delete", []):
                self.runs.delete(run_id)
        return Reply()

    def _submit(self, asked: dict[str, Json]) -> Reply:
        number = float(asked["number"]) if "number" in asked else self.runs.number
        self.runs.number += 1
        if "prompt" not in asked:
            said = "No prompt provided"
            error = {"type": "no_prompt", "message": said, "details": said, "extra_info": {}}
            return Reply(400, {"error": error, "node_errors": {}})
        graph = asked["prompt"]
        if not isinstance(graph, dict) or not all(isinstance(node, dict) for node in graph.values()):
            return CRASH
        verdict = validate(graph, self.switches.loras)
        if verdict.error is not None:
            return Reply(400, {"error": verdict.error, "node_errors": verdict.node_errors})
        run_id = str(asked.get("prompt_id") or uuid.uuid4())
        extra = asked.get("extra_data", {}) | ({"client_id": asked["client_id"]} if "client_id" in asked else {})
        try:
            self.runs.push((number, run_id, graph, extra, list(verdict.outputs)))
        except TypeError:  # graphs cannot be compared
            return CRASH
        return Reply(content={"prompt_id": run_id, "number": number, "node_errors": verdict.node_errors})

    # What is told

    def tell(self, item: Item, event: str, **data: Json) -> None:
        """Tell the client of a run."""
        if socket := self.sockets.get(item[3].get("client_id", "")):
            socket.send(event, {"prompt_id": item[1], **data})

    def tell_queue(self) -> None:
        """Tell everybody how much there is to do."""
        for socket in self.sockets.values():
            socket.send("status", {"status": {"exec_info": {"queue_remaining": self.runs.remaining}}})

    async def notify(self) -> None:
        """Have the tests look again."""
        async with self._changed:
            self._changed.notify_all()

    def _joined(self, socket: Socket, path: str) -> None:
        sid = parse_qs(urlsplit(path).query).get("clientId", [""])[0] or uuid.uuid4().hex
        self.sockets[sid] = socket
        self._sids[socket] = sid
        socket.send("status", {"status": {"exec_info": {"queue_remaining": self.runs.remaining}}, "sid": sid})
        if self.runs.running and self.runs.running[3].get("client_id") == sid and self.runs.node is not None:
            socket.send("executing", {"node": self.runs.node})

    def _left(self, socket: Socket) -> None:
        # A socket that leaves takes its id along, even where an older one of the same id is still open.
        self.sockets.pop(self._sids.pop(socket), None)
