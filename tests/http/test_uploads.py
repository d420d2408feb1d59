"""Sending LoRA files."""

import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lora_manager.http.request import ApiRequest, ClientGone
from tests.http.service import Service, running, wrong
from tests.library import lora_bytes

INK = lora_bytes("ink")
NAME = "ink.safetensors"


async def send(service: Service, raw: bytes, name: str = NAME, **headers: str) -> httpx.Response:
    return await service.client.post("/uploads", params={"filename": name}, content=raw, headers=headers)


async def kept(service: Service, name: str = NAME) -> bool:
    """Whether a file of this name was kept: any other one is refused then."""
    return (await send(service, lora_bytes("a file that nobody sent before"), name)).status_code == 409


async def test_a_lora_is_taken_in_and_told_apart(service: Service) -> None:
    answer = await send(service, INK)
    told = answer.json()
    assert answer.status_code == 201
    assert set(told) == {"file_path", "size_bytes", "sha256", "inspection"}
    assert told["file_path"].endswith(f"/{NAME}")
    assert (told["size_bytes"], told["sha256"]) == (len(INK), hashlib.sha256(INK).hexdigest())
    inspection = told["inspection"]
    assert set(inspection) == {"hashes", "network", "base_model", "embedded", "trigger_candidates"}
    assert inspection["hashes"]["sha256"] == told["sha256"]
    assert inspection["network"]["kind"] == "lora"
    assert set(inspection["base_model"]) == {"family", "evidence"}
    assert inspection["embedded"] == {"training_comment": "ink"}


async def test_what_was_sent_can_be_registered_and_fetched(service: Service) -> None:
    sent = (await send(service, INK)).json()
    registered = await service.client.post("/adapters", json={"name": "ink", "file_path": sent["file_path"]})
    assert registered.status_code == 201, registered.text
    adapter = registered.json()["adapter"]
    assert (adapter["sha256"], adapter["file"]["network"]) == (sent["sha256"], sent["inspection"]["network"])
    assert (await service.client.get(f"/adapters/{adapter['id']}/file")).content == INK


async def test_sending_it_again_gives_the_same_answer(service: Service) -> None:
    first, again = await send(service, INK), await send(service, INK)
    assert (again.status_code, again.json()) == (201, first.json())


async def test_another_file_of_the_same_name_is_refused(service: Service) -> None:
    await send(service, INK)
    answer = await send(service, lora_bytes("oil"))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/file-name-taken")
    assert NAME in answer.json()["detail"]


@pytest.mark.parametrize("raw", [b"", b"\x89PNG" + bytes(100), INK[:-1], INK[:8]])
async def test_what_is_no_lora_is_refused_and_not_kept(service: Service, raw: bytes) -> None:
    answer = await send(service, raw)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-safetensors")
    assert not await kept(service)


async def test_a_file_says_that_it_is_bytes_or_nothing_of_what_it_is(service: Service) -> None:
    for number, media_type in enumerate(["application/octet-stream", "Application/Octet-Stream; x=y"]):
        answer = await send(service, INK, f"{number}.sft", **{"Content-Type": media_type})
        assert answer.status_code == 201, media_type
    assert (await send(service, INK, "plain.sft")).status_code == 201
    for media_type in ("application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await send(service, INK, "typed.sft", **{"Content-Type": media_type})
        assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
        assert media_type in answer.json()["detail"]


async def test_a_file_that_is_too_long_is_refused_before_it_is_read(sqlite_url: str, library: Path) -> None:
    async with running(sqlite_url, library, MAX_UPLOAD_BYTES=str(len(INK))) as service:
        answer = await send(service, INK + b"!", "long.sft")
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")
        assert "MAX_UPLOAD_BYTES" in answer.json()["detail"]
        assert (await send(service, INK, "fits.sft")).status_code == 201


async def test_a_body_of_unknown_length_is_refused_with_the_way_out(service: Service) -> None:
    async def content() -> AsyncGenerator[bytes, None]:
        yield INK

    answer = await service.client.post("/uploads", params={"filename": NAME}, content=content())
    assert (answer.status_code, answer.json()["type"]) == (411, "/problems/length-required")
    assert "Content-Length" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["", "ink", "../ink.safetensors", "a/b.safetensors", ".safetensors"])
async def test_a_name_that_is_none_is_told_by_its_parameter(service: Service, name: str) -> None:
    assert list(wrong(await send(service, INK, name))) == ["filename"]


async def test_a_name_has_to_be_given_once_and_nothing_else(service: Service) -> None:
    async def wrong_with(query: str) -> dict[str, str]:
        return wrong(await service.client.post(f"/uploads{query}", content=INK))

    assert await wrong_with("") == {"filename": "is required"}
    assert await wrong_with("?filename=a.sft&filename=b.sft") == {"filename": "is given more than once"}
    assert await wrong_with("?filename=a.sft&size=3") == {"size": "is not known here"}


async def test_a_name_with_control_characters_is_refused(service: Service) -> None:
    answer = await send(service, INK, "a\nb.safetensors")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-input")


async def test_a_file_longer_than_a_json_body_may_be_is_taken(service: Service) -> None:
    long = lora_bytes("x" * 11_000_000)
    answer = await send(service, long)
    assert (answer.status_code, answer.json()["size_bytes"]) == (201, len(long))


class Sender:
    """The client's side of ASGI: chunks, and how many of them were taken."""

    def __init__(self, *chunks: bytes, goes_away: bool = False) -> None:
        self.taken = 0
        self._chunks = chunks
        self._goes_away = goes_away

    async def receive(self) -> dict[str, Any]:
        self.taken += 1
        if self.taken > len(self._chunks):
            return {"type": "http.disconnect"}
        more = self._goes_away or self.taken < len(self._chunks)
        return {"type": "http.request", "body": self._chunks[self.taken - 1], "more_body": more}

    def request(self) -> ApiRequest:
        scope: Any = {"type": "http", "method": "POST", "headers": [], "state": {}, "path": "/uploads"}
        receive: Any = self.receive
        return ApiRequest(scope, receive)


async def test_no_more_is_taken_from_a_client_than_is_asked_for() -> None:
    sender = Sender(b"one", b"two", b"three")
    content = sender.request().content()
    assert sender.taken == 0
    assert (await anext(content), sender.taken) == (b"one", 1)
    assert ([chunk async for chunk in content], sender.taken) == ([b"two", b"three"], 3)


async def test_a_body_that_breaks_off_has_no_end() -> None:
    sender = Sender(b"one", goes_away=True)
    content = sender.request().content()
    assert await anext(content) == b"one"
    with pytest.raises(ClientGone):
        await anext(content)
