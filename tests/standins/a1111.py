"""A server with A1111's API on the loopback: AUTOMATIC1111, Forge or SD.Next, with faults to switch on.

Source: AUTOMATIC1111/stable-diffusion-webui modules/api/api.py, modules/progress.py and extensions-builtin/Lora,
lllyasviel/stable-diffusion-webui-forge modules/api/api.py, vladmandic/sdnext modules/api and modules/lora.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.standins.http_server import LoopbackServer, Reply, serving
from tests.standins.pictures import png

_TAG = re.compile(r"<lora:([^:>]+):?([^>]*)>")
_JSON = {"Content-Type": "application/json"}


class Variant(StrEnum):
    A1111 = "a1111"
    FORGE = "forge"
    SDNEXT = "sdnext"


class HttpException(Exception):
    def __init__(self, status: int, detail: object) -> None:
        self.status = status
        self.detail = detail


@dataclass
class Job:
    """One run of txt2img.

    :param task_id: None where the variant does not know such
    """

    task_id: str | None
    timestamp: str
    step: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False


@dataclass
class A1111:
    """What the server is and has; tests change it as it runs.

    :param on_disk: LoRAs in its folder: stem and alias
    :param listed: those it found when it last looked
    :param credentials: ``user:password`` of --api-auth
    :param has_page: whether it was started with its web page, which brings /internal/progress
    :param replies: by path, answers to give instead of the right ones
    :param crash: the name and text of an exception that generating raises
    :param info: what to send as ``info`` instead of the right one
    :param images: what to send as ``images`` instead of the right ones
    :param samples: files to send as images instead of PNGs
    :param uses_loras: off: it loads none, as when they do not fit the model
    :param notes_loras: off: its setting to add hashes to infotext is
    """

    variant: Variant = Variant.A1111
    on_disk: dict[str, str] = field(default_factory=dict)
    listed: dict[str, str] = field(default_factory=dict)
    credentials: str | None = None
    has_page: bool = True
    replies: dict[str, Reply | Exception] = field(default_factory=dict)
    crash: tuple[str, str] | None = None
    info: Any = ...
    images: Any = ...
    samples: list[bytes] | None = None
    uses_loras: bool = True
    notes_loras: bool = True
    has_grid: bool = False
    holds: bool = False
    url: str = ""
    payloads: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    running: Job | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: dict[str, None] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    looked_at: asyncio.Event = field(default_factory=asyncio.Event)
    interrupts: int = 0
    queue_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    server: LoopbackServer | None = None

    def asked(self, path: str) -> int:
        """How often this path was asked for."""
        assert self.server is not None
        return sum(request.path.partition("?")[0] == path for request in self.server.requests)

    def headers_of(self, path: str) -> Mapping[str, str]:
        """The headers of the latest request for this path."""
        assert self.server is not None
        return next(r.headers for r in reversed(self.server.requests) if r.path.partition("?")[0] == path)

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        route = path.partition("?")[0]
        reply = self.replies.get(route)
        if isinstance(reply, Exception):
            raise reply
        if reply is not None:
            return reply
        try:
            self._authenticate(route, headers)
            return 200, _JSON, json.dumps(await self._route(method, route, body)).encode()
        except HttpException as error:
            return self._failed(error)

    def _authenticate(self, route: str, headers: Mapping[str, str]) -> None:
        # A1111 and Forge add the two routes of the Lora extension without authentication, and so the page's own.
        is_open = route.endswith(("-loras", "/loras")) or route.startswith("/internal")
        if self.credentials is None or (is_open and self.variant is not Variant.SDNEXT):
            return
        if headers.get("authorization") != "Basic " + base64.b64encode(self.credentials.encode()).decode():
            is_sdnext = self.variant is Variant.SDNEXT
            raise HttpException(401, "Unauthorized" if is_sdnext else "Incorrect username or password")

    async def _route(self, method: str, route: str, body: bytes) -> object:
        match method, route:
            case "POST", "/sdapi/v1/txt2img":
                return await self._txt2img(json.loads(body))
            case "GET", "/sdapi/v1/progress":
                self.looked_at.set()
                return self._progress()
            case "POST", "/sdapi/v1/interrupt":
                self.interrupts += 1
                if self.running:
                    self.running.interrupted = True
                    self.running.ended.set()
                return {}
            case "GET", "/sdapi/v1/loras":
                return [
                    {"name": name, "alias": alias, "path": f"/models/Lora/{name}.safetensors", "metadata": {"a": 1}}
                    for name, alias in self.listed.items()
                ]
            case "POST", "/sdapi/v1/refresh-loras":
                self.listed = dict(self.on_disk)
                return None
            case "POST", "/internal/progress" if self.has_page:
                return self._task(json.loads(body)["id_task"])
        raise HttpException(404, "Not Found")

    async def _txt2img(self, payload: dict[str, Any]) -> object:
        self.payloads.append(payload)
        if not isinstance(payload.get("steps", 20), int):
            raise HttpException(422, [_not_an_integer("steps", payload["steps"])])
        if payload.get("sampler_name", "Euler") != "Euler":
            raise HttpException(404 if self.variant is Variant.SDNEXT else 400, "Sampler not found")
        if "script_name" in payload:
            raise HttpException(422, f"Script '{payload['script_name']}' not found")
        task_id = None if self.variant is Variant.SDNEXT else payload.get("force_task_id", "task(txt2img-ABCDEFG)")
        self.waiting[str(task_id)] = None
        self.arrived.set()
        async with self.queue_lock:
            self.waiting.pop(str(task_id), None)
            await self._run(Job(task_id, f"202601010000{len(self.jobs):02}"))
        if self.crash:
            raise HttpException(500, None)
        return self._answer(payload)

    async def _run(self, job: Job) -> None:
        self.jobs.append(job)
        self.running = job
        self.started.set()
        try:
            if self.holds:
                await job.ended.wait()
        finally:
            self.running = None

    def _answer(self, payload: dict[str, Any]) -> object:
        seeds = list(range(1000, 1000 + payload.get("batch_size", 1)))
        loras = dict(self._loras(payload["prompt"]))
        texts = [self._infotext(payload, seed, loras) for seed in seeds]
        if self.has_grid:
            texts.insert(0, texts[0])
        info = {
            "prompt": payload["prompt"],
            "seed": seeds[0],
            "all_seeds": seeds,
            "extra_generation_params": loras,
            "index_of_first_image": int(self.has_grid),
            "infotexts": texts,
        }
        images = [base64.b64encode(file).decode() for file in self.samples or map(png, texts)]
        answer = {
            "images": (images if payload.get("send_images", True) else []) if self.images is ... else self.images,
            "parameters": payload,
            "info": json.dumps(info) if self.info is ... else self.info,
        }
        return {key: value for key, value in answer.items() if value is not None}

    def _loras(self, prompt: str) -> Iterator[tuple[str, str]]:
        """What is noted of the LoRAs that were used; one that is not found is silently left out."""
        known = self.on_disk.keys() | self.on_disk.values()
        used = [name for name, _ in _TAG.findall(prompt) if name in known and self.uses_loras]
        if used and self.variant is Variant.SDNEXT:
            yield "LoRA networks", ", ".join(used)
        elif used and self.notes_loras:
            names = [name.replace(":", "").replace(",", "") for name in used]
            yield "Lora hashes", ", ".join(f"{name}: 1a2b3c4d5e6f" for name in names)

    def _infotext(self, payload: dict[str, Any], seed: int, loras: dict[str, str]) -> str:
        app = {"App": "SD.Next"} if self.variant is Variant.SDNEXT else {"Version": "v1.10.1"}
        fields = {"Steps": payload.get("steps", 20), "Sampler": "Euler", "Seed": seed, "Size": "8x8", **loras, **app}
        line = ", ".join(f"{name}: {_quoted(str(value))}" for name, value in fields.items())
        return f"{payload['prompt']}\nNegative prompt: blurry\n{line}"

    def _progress(self) -> object:
        job = self.running
        state = {
            "skipped": False,
            "interrupted": bool(job and job.interrupted),
            "job": "scripts_txt2img" if job else "",
            "job_count": 1 if job else 0,
            "job_timestamp": job.timestamp if job else "0",
            "job_no": 0,
            "sampling_step": job.step if job else 0,
            "sampling_steps": 20 if job else 0,
        }
        fraction = 0.01 + job.step / 20 if job else 0.0
        return {"progress": min(fraction, 1), "eta_relative": 1.0, "state": state, "current_image": None}

    def _task(self, task_id: str) -> object:
        """A1111 and Forge know their tasks by id; SD.Next answers too, but gives what comes by its API no such id."""
        active = self.running is not None and self.running.task_id == task_id
        return {"active": active, "queued": task_id in self.waiting, "completed": False, "textinfo": "Waiting..."}

    def _failed(self, error: HttpException) -> Reply:
        headers = _JSON | ({"WWW-Authenticate": "Basic"} if error.status == 401 else {})
        if error.detail is None and self.crash:
            name, text = self.crash
            if self.variant is Variant.FORGE:
                return 500, {"Content-Type": "text/plain"}, b"Internal Server Error"
            return 500, headers, json.dumps({"error": name, "detail": "", "body": "", "errors": text}).encode()
        if self.variant is Variant.FORGE or error.status == 422:
            return error.status, headers, json.dumps({"detail": error.detail}).encode()
        told = {"error": "HTTPException", "detail": error.detail, "body": "", "errors": ""}
        return error.status, headers, json.dumps(told).encode()


@asynccontextmanager
async def running(variant: Variant) -> AsyncIterator[A1111]:
    """The server, as long as the block lasts."""
    stand_in = A1111(variant)
    async with serving(stand_in.handle) as server:
        stand_in.server = server
        stand_in.url = server.url
        yield stand_in


def _not_an_integer(name: str, value: object) -> object:
    return {"loc": ["body", name], "msg": "value is not a valid integer", "type": "type_error.integer", "input": value}


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if set(value) & set(",:\n") else value
