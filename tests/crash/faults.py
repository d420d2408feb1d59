"""What the tests of faults have in common: what a user is told, and deliveries to look at."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.crash.service import Service, until
from tests.library import write_lora
from tests.standins.http_server import Reply, serving

FINAL = ("succeeded", "failed", "cancelled")


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """A service with its database in a file, not started yet."""
    (tmp_path / "loras").mkdir()
    return Service(tmp_path, {})


async def registered(service: Service, name: str) -> str:
    """Have the service know a LoRA, and give its id."""
    path = write_lora(service.folder / "loras" / f"{name}.safetensors", name)
    answer = await service.ask("POST", "/adapters", HTTPStatus.CREATED, json={"name": name, "file_path": str(path)})
    return str(answer.json()["adapter"]["id"])


async def refused(service: Service, method: str, path: str, **options: Any) -> str:  # noqa: ANN401  # httpx's
    """Why the service cannot do now what it is asked; it says when to ask again."""
    answer = await service.ask(method, path, HTTPStatus.SERVICE_UNAVAILABLE, **options)
    assert int(answer.headers["retry-after"]) > 0
    return str(answer.json()["detail"])


async def accepted(service: Service, mode: str, params: Mapping[str, object], **options: object) -> str:
    """Have a prompt delivered, and give the delivery's id."""
    body = {"prompt": "a quiet harbour", "mode": mode, "params": params, **options}
    answer = await service.ask("POST", "/deliveries", HTTPStatus.CREATED, json=body)
    return str(answer.json()["delivery_id"])


async def becomes(service: Service, delivery_id: str, *statuses: str) -> dict[str, Any]:
    """The delivery once it has one of these statuses: by default, a final one."""
    found: dict[str, Any] = {}

    async def is_so() -> bool:
        found.update((await service.ask("GET", f"/deliveries/{delivery_id}")).json()["delivery"])
        return found["status"] in (statuses or FINAL)

    await until(is_so)
    return found


def error_line(service: Service) -> str:
    """The one line in which the command said what went wrong; there was no traceback."""
    said = service.said.decode()
    assert "Traceback" not in said, said
    [line] = [line for line in said.splitlines() if line.startswith("Error: ")]
    return line


@dataclass(slots=True)
class Receiver:
    """A runtime that answers once it is let go, and keeps account of what it got.

    :param attempts: delivery and number of the attempt, in the order in which they came
    """

    port: int = 0
    attempts: list[tuple[str, str]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def params(self) -> Mapping[str, object]:
        """Of a delivery to it."""
        return {"host": "127.0.0.1", "port": self.port}

    async def got(self, number: int) -> None:
        """Return once so many attempts have arrived."""

        async def is_so() -> bool:
            return len(self.attempts) >= number

        await until(is_so)

    async def take(self, _method: str, _path: str, headers: Mapping[str, str], _body: bytes) -> Reply:
        self.attempts.append((headers["idempotency-key"], headers["x-delivery-attempt"]))
        await self.release.wait()
        return 200, {}, b"{}"


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    async with serving(receiver.take) as server:
        receiver.port = server.port
        yield receiver
