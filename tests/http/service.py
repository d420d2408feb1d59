"""The service as a client sees it, with a library to fill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from lora_manager.app.application import Application
from lora_manager.container import open_application
from lora_manager.http.app import create_app
from lora_manager.settings import load_settings
from tests.library import write_lora

NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that no adapter has."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    :param library: its only library root
    """

    client: httpx.AsyncClient
    library: Path

    def file(self, name: str, content: str | None = None) -> str:
        """The path of a new LoRA file in the library; without a content its content is its own."""
        return str(write_lora(self.library / f"{name}.safetensors", content or f"content of {name}"))

    async def register(self, name: str, **fields: object) -> dict[str, Any]:
        """Register an adapter with a file of its own, and return it."""
        answer = await self.client.post("/adapters", json={"name": name, "file_path": self.file(name), **fields})
        assert answer.status_code == 201, answer.text
        adapter: dict[str, Any] = answer.json()["adapter"]
        return adapter

    async def show(self, adapter_id: str) -> dict[str, Any]:
        """The adapter as it is now."""
        answer = await self.client.get(f"/adapters/{adapter_id}")
        assert answer.status_code == 200, answer.text
        adapter: dict[str, Any] = answer.json()["adapter"]
        return adapter

    async def names(self, query: Mapping[str, str | list[str]] | None = None) -> list[str]:
        """The names that a listing shows."""
        answer = await self.client.get("/adapters", params=query)
        assert answer.status_code == 200, answer.text
        return [adapter["name"] for adapter in answer.json()["items"]]


@asynccontextmanager
async def client_of(application: AbstractAsyncContextManager[Application]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service over this application, in the event loop of the test."""
    app = create_app(application)
    started, finished = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # Litestar wants to be stopped by the task that started it; pytest makes one for either end of a fixture.
        async with app.lifespan():
            started.set()
            await finished.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live())
        await started.wait()
        transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client
        finished.set()


@asynccontextmanager
async def running(database_url: str, library: Path) -> AsyncIterator[Service]:
    """The service on a database, with an empty library."""
    settings = load_settings(
        {"DATABASE_URL": database_url, "LIBRARY_ROOTS": str(library), "DATA_DIR": str(library.parent)}
    )
    async with client_of(open_application(settings)) as client:
        yield Service(client, library)


def wrong(answer: httpx.Response) -> dict[str, str]:
    """What a problem names as wrong, with the reasons."""
    assert answer.status_code == 400, answer.text
    return {param["name"]: param["reason"] for param in answer.json()["invalid_params"]}
