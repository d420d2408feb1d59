"""CivitAI on the loopback: looking model versions up by hash, with faults to switch on.

It has a second door, /validate, behind which an operator's own service answers from the same registry.

Source: civitai/civitai src/pages/api/v1/model-versions/by-hash, src/server/utils/endpoint-helpers.ts.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.standins.http_server import LoopbackServer, Reply, Request, serving

_BY_HASH = "/api/v1/model-versions/by-hash"
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_MOST = 100
_SHA256_LENGTH = 64
_CACHED_S = 3600  # s-maxage of by-hash answers, which the edge applies to a 404 as well

Version = dict[str, Any]


def an_image(url: str = "https://image.civitai.com/token/uuid/original=true/1.jpeg", **fields: object) -> Version:
    """A picture of a model version."""
    return {"url": url, "nsfwLevel": 1, "width": 832, "height": 1216, "type": "image", "meta": None, **fields}


def a_version(sha256: str, *, autov3: str | None = None, **fields: object) -> Version:
    """A model version with one file, as the API describes it; without ``autov3`` that begins like the SHA-256."""
    hashes = {
        "AutoV1": "1A2B3C4D",
        "AutoV2": sha256[:10].upper(),
        "SHA256": sha256.upper(),
        "AutoV3": (autov3 or sha256[:12]).upper(),
    }
    file = {
        "id": 987_654,
        "sizeKB": 223_098.12,
        "name": "inkwash_v1.safetensors",
        "type": "Model",
        "pickleScanResult": "Success",
        "pickleScanMessage": "No Pickle imports",
        "virusScanResult": "Success",
        "virusScanMessage": None,
        "metadata": {"format": "SafeTensor", "size": None, "fp": None},
        "hashes": hashes,
        "primary": True,
        "downloadUrl": "https://civitai.com/api/download/models/1234567",
    }
    return {
        "id": 1_234_567,
        "modelId": 765_432,
        "name": "v1.0",
        "nsfwLevel": 3,
        "publishedAt": "2026-03-01T11:00:00.000Z",
        "trainedWords": ["inkwash style"],
        "baseModel": "Illustrious",
        "baseModelType": None,
        "description": "<p>html</p>",
        "air": "urn:air:sdxl:lora:civitai:765432@1234567",
        "stats": {"downloadCount": None, "thumbsUpCount": 15},
        "model": {"name": "Ink Wash", "type": "LORA", "nsfw": False, "poi": False},
        "files": [file],
        "images": [an_image()],
        "downloadUrl": "https://civitai.com/api/download/models/1234567",
        **fields,
    }


def page(status: int, **headers: str) -> Reply:
    """A page of the network in front of the site, as people would see it."""
    body = b"<!DOCTYPE html><title>Just a moment...</title>"
    return status, {"Content-Type": "text/html", **{n.replace("_", "-"): v for n, v in headers.items()}}, body


def reply(status: int, content: object, **headers: str) -> Reply:
    """An answer of the site itself."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, _JSON | named, json.dumps(content).encode()


@dataclass
class Civitai:
    """What the site has published; tests change it as it runs.

    :param answers: by hash in capitals, what the site says of its version; null: its main file is gone
    :param next_replies: to give, or raise, instead of the right answers, one after another
    :param every_reply: to give, or raise, instead of every right answer
    :param odd_entries: that an answer to a batch holds besides
    :param api_key: the only one it takes; without a key it answers as well
    :param on_request: called before each answer, such as to make it late
    :param holds: never answers
    :param now: seconds, by which answers are cached
    """

    answers: dict[str, Version | None] = field(default_factory=dict)
    next_replies: deque[Reply | Exception] = field(default_factory=deque)
    every_reply: Reply | Exception | None = None
    odd_entries: list[object] = field(default_factory=list)
    api_key: str = "right"
    on_request: Callable[[], None] = lambda: None
    holds: bool = False
    now: float = 0.0
    url: str = ""
    server: LoopbackServer | None = None
    _cached: dict[str, tuple[float, Reply | None]] = field(default_factory=dict)

    @property
    def requests(self) -> list[Request]:
        """What it was asked, from the first request on."""
        assert self.server is not None
        return self.server.requests

    @property
    def asked(self) -> list[str]:
        """The hashes it was asked for: one by one as they are, those of a batch joined by commas."""
        return [
            ",".join(json.loads(each.body)) if each.method == "POST" else each.path.rpartition("/")[2]
            for each in self.requests
        ]

    def publish(self, version: Version, answer: Any = ...) -> None:  # noqa: ANN401  # any JSON
        """Publish a version; of several with the same hash the first stays.

        :param answer: what the site says of it, where that is not the version as it is
        """
        for file in version["files"]:
            for value in file["hashes"].values():
                self.answers.setdefault(value.upper(), version if answer is ... else answer)

    async def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.on_request()
        if self.holds:
            await asyncio.Event().wait()
        trouble = self.next_replies.popleft() if self.next_replies else self.every_reply
        if isinstance(trouble, Exception):
            raise trouble
        if trouble is not None:
            return trouble
        kind, _, key = headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and key != self.api_key:
            return reply(401, {"error": "Unauthorized"})
        if (method, path) == ("POST", "/validate"):
            return self._validate(json.loads(body))
        if (method, path) == ("POST", _BY_HASH):
            return self._batch(json.loads(body))
        if method == "GET" and (match := re.fullmatch(rf"{_BY_HASH}/(\w+)", path)):
            return self._from_edge(match[1].upper())
        return page(404)

    def _from_edge(self, value: str) -> Reply:
        expires, answer = self._cached.get(value, (self.now, None))
        if answer is None or expires <= self.now:
            answer = self._find(value)
            self._cached[value] = self.now + _CACHED_S, answer
        return answer

    def _find(self, value: str) -> Reply:
        if value not in self.answers:
            return reply(404, {"error": "Model not found"})
        version = self.answers[value]
        return reply(404, {"error": "Missing model file"}) if version is None else reply(200, version)

    def _batch(self, values: object) -> Reply:
        if not isinstance(values, list) or len(values) > _MOST:
            return reply(400, {"error": "✖ Too big: expected array to have <=100 items"})
        if any(not isinstance(value, str) or len(value) != _SHA256_LENGTH for value in values):
            return reply(400, {"error": "✖ Too small: expected string to have >=64 characters"})
        return reply(200, [*self.odd_entries, *self._found(values)])

    def _found(self, values: list[str]) -> Iterator[Version | None]:
        """In no order that anybody could rely on, and twice what was asked for twice."""
        for value in sorted(values, reverse=True):
            if value.upper() in self.answers:
                version = self.answers[value.upper()]
                yield version and {**version, "downloadUrl": "https://undefined/api/download/models/1234567"}

    def _validate(self, document: Mapping[str, Any]) -> Reply:
        sha256, autov3 = document["sha256"].upper(), document["hashes"]["autov3"].upper()
        version = self.answers.get(sha256) or self.answers.get(autov3)
        if version is None:
            return reply(404, {"error": "nobody published this file"})
        told = {
            "state": "valid" if sha256 in self.answers else "mismatch",
            "detail": None if sha256 in self.answers else "the file has other bytes",
            "model_id": version["modelId"],
            "version_id": version["id"],
            "page_url": f"{self.url}/models/765432?modelVersionId=1234567",
            "title": version["model"]["name"],
            "triggers": version["trainedWords"],
            "base_model": version["baseModel"],
            "preview_url": version["images"][0]["url"].replace("original=true", "width=450,optimized=true"),
        }
        return reply(200, told)


@asynccontextmanager
async def running() -> AsyncIterator[Civitai]:
    """The site, as long as the block lasts."""
    stand_in = Civitai()
    async with serving(stand_in.handle) as server:
        stand_in.server = server
        stand_in.url = server.url
        yield stand_in
