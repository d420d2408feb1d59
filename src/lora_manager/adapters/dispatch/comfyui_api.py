"""The part of ComfyUI's HTTP API that a delivery needs. Source: ComfyUI server.py."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from lora_manager.adapters.dispatch.comfyui_answers import Entry, read_entry, refusal, strange
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import DispatchFailed

_REQUEST_S = 30.0
_MAX_BYTES = 64 * 2**20  # the queue is answered with the graph of every run that waits


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that waits or runs.

    :param client_id: who is told of it through the websocket; None for a run that all are told of
    :param ahead: how many run before it
    """

    is_running: bool
    client_id: str | None
    ahead: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the server knows of a run; nothing at all is what it knows of one that was deleted, or before a restart."""

    queued: Queued | None
    entry: Entry | None

    @property
    def is_empty(self) -> bool:
        """Whether the server does not know the run."""
        return self.queued is None and self.entry is None


class ComfyApi:
    """One ComfyUI server.

    Every method raises :class:`DispatchFailed` where the server cannot be reached, refuses, or answers in no known way.

    :param base_url: without a slash at its end; ``user:password@`` in it is sent, but never shown
    """

    def __init__(self, client: OutboundClient, base_url: str) -> None:
        self.client = client
        self.base_url = base_url

    async def lora_names(self) -> tuple[str, ...]:
        """The LoRA files of the server, as it wants them named."""
        answer = await self._request("GET", "/models/loras")
        if answer.status != HTTPStatus.NOT_FOUND:
            return _names(_decoded(_accepted(answer)))
        # The server is older than this path.
        match _decoded(await self._sent("GET", "/object_info/LoraLoader")):
            case {"LoraLoader": {"input": {"required": {"lora_name": [listed, *_]}}}}:
                return _names(listed)
            case _:
                raise strange("/object_info")

    async def submit(
        self, graph: Mapping[str, object], run_id: str, client_id: str, attempt: int
    ) -> Mapping[str, object]:
        """Have the graph run; what is wrong with parts of it, by node, while the rest was queued all the same."""
        body = {"prompt": graph, "prompt_id": run_id, "client_id": client_id}
        headers = {"Idempotency-Key": run_id, "X-Delivery-Attempt": str(attempt)}
        match _decoded(await self._sent("POST", "/prompt", body, headers)):
            case {"prompt_id": str(), **others}:
                node_errors = others.get("node_errors")
                return node_errors if isinstance(node_errors, dict) else {}
            case _:
                raise strange("/prompt")

    async def look(self, run_id: str) -> Sighting:
        """Where the run is: in the queue, and what the history says of it.

        The queue is looked at first: the server moves a run from there into the history in one step, so that whatever
        is in neither is not there at all.
        """
        queued = await self.in_queue(run_id)
        match _decoded(await self._sent("GET", f"/history/{quote(run_id, safe='')}")):
            case {**entries}:
                return Sighting(queued, read_entry(entries[run_id]) if run_id in entries else None)
            case _:
                raise strange("/history")

    async def in_queue(self, run_id: str) -> Queued | None:
        """Where the run is in the queue."""
        match _decoded(await self._sent("GET", "/queue")):
            case {"queue_running": [*running], "queue_pending": [*pending]}:
                # The list is a heap: the order is that of the numbers.
                waiting = sorted((item for item in pending if _is_item(item)), key=lambda item: float(item[0]))
                for place, item in enumerate((*filter(_is_item, running), *waiting)):
                    if item[1] == run_id:
                        return Queued(item in running, _client_of(item), place)
                return None
            case _:
                raise strange("/queue")

    async def withdraw(self, run_id: str) -> None:
        """Take the run out of the queue, or stop it if it runs."""
        await self._sent("POST", "/queue", {"delete": [run_id]})
        queued = await self.in_queue(run_id)
        # Older servers stop whatever runs, so they are asked only while it is this.
        if queued is not None and queued.is_running:
            await self._sent("POST", "/interrupt", {"prompt_id": run_id})

    async def forget(self, run_id: str) -> None:
        """Take the run out of the history."""
        await self._sent("POST", "/history", {"delete": [run_id]})

    def view_url(self, filename: str, subfolder: str, folder: str) -> str:
        """Where an output can be fetched, without what may be secret."""
        scheme, _, rest = self.base_url.partition("://")
        authority, slash, path = rest.partition("/")
        query = urlencode({"filename": filename, "subfolder": subfolder, "type": folder})
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}/view?{query}"

    async def _sent(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return _accepted(await self._request(method, path, body, headers))

    async def _request(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self.client.request(
            method,
            self.base_url + path,
            headers={"Content-Type": "application/json", **(headers or {})},
            content=b"" if body is None else json.dumps(body).encode(),
            timeout_s=_REQUEST_S,
            max_bytes=_MAX_BYTES,
        )


def _accepted(answer: Answer) -> Answer:
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(answer.status, answer.body)
    return answer


def _decoded(answer: Answer) -> Any:
    """What the answer says; NaN, which ComfyUI writes though JSON has no such number, is read as well."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        message = "ComfyUI answered with something that is not JSON; check that base_url leads to ComfyUI itself"
        raise DispatchFailed("bad_answer", message, retryable=True) from error


def _names(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list):
        raise strange("/models/loras")
    return tuple(name for name in listed if isinstance(name, str))


def _is_item(item: object) -> bool:
    match item:
        case [int() | float(), str(), *_]:
            return True
        case _:
            return False


def _client_of(item: object) -> str | None:
    match item:
        case [_, _, _, {"client_id": str(client_id)}, *_]:
            return client_id
        case _:
            return None
