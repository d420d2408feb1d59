"""The service as a client sees it, with a library to fill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from lora_manager.adapters.memory.keys import MemoryKeyStore
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.app.access.authenticate import Authenticate
from lora_manager.app.application import Application
from lora_manager.container import open_application
from lora_manager.http.app import create_app
from lora_manager.http.exposure import Exposure, exposure_of
from lora_manager.ports.metrics import NoMetrics
from lora_manager.ports.tracing import NoTracer
from lora_manager.settings import load_settings
from tests.library import write_lora

NOBODY = "00000000-0000-7000-8000-000000000000"
"""An id that no adapter has."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    :param library: its only library root
    :param application: what is behind it
    """

    client: httpx.AsyncClient
    library: Path
    application: Application

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

    async def deliver(self, **request: object) -> str:
        """Have a prompt accepted for delivery, and return the delivery's id."""
        answer = await self.client.post("/deliveries", json={"prompt": "a quiet harbour", **request})
        assert answer.status_code == 201, answer.text
        delivery_id: str = answer.json()["delivery_id"]
        return delivery_id

    async def delivery(self, delivery_id: str) -> dict[str, Any]:
        """The delivery as it is now."""
        answer = await self.client.get(f"/deliveries/{delivery_id}")
        assert answer.status_code == 200, answer.text
        delivery: dict[str, Any] = answer.json()["delivery"]
        return delivery

    async def end_of(self, delivery_id: str) -> dict[str, Any]:
        """The delivery once a worker has brought it to its end: that is when its stream of events is complete."""
        await self.client.get(f"/deliveries/{delivery_id}/events")
        return await self.delivery(delivery_id)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """With a worker, for as long as the block lasts."""
        stop = asyncio.Event()
        async with self.application.open_worker() as worker, asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run(stop))
            try:
                yield
            finally:
                stop.set()


KNOWN_AS_SERVICE = Exposure(allowed_hosts=frozenset({"service"}))
"""Open to this machine, by the name that the tests use."""


class Open:
    """What is asked of every application: who may ask, which is anybody, and who is told."""

    authenticate = Authenticate(MemoryKeyStore(), SystemClock())
    rate_limiter = None
    metrics = NoMetrics()
    tracer = NoTracer()


def application_with(**parts: object) -> Application:
    """An application that has these parts alone, open to anybody."""
    opened = Open()
    vars(opened).update(parts)
    return cast("Application", opened)


@asynccontextmanager
async def client_of(
    application: AbstractAsyncContextManager[Application],
    exposure: Exposure = KNOWN_AS_SERVICE,
    peer: str = "127.0.0.1",
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service over this application, in the event loop of the test.

    :param peer: the address that the client seems to have
    """
    app = create_app(application, exposure=exposure)
    started, finished = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # Litestar wants to be stopped by the task that started it; pytest makes one for either end of a fixture.
        async with app.lifespan():
            started.set()
            await finished.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(live())
        await started.wait()
        transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False, client=(peer, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client
        finished.set()


@asynccontextmanager
async def running(database_url: str, library: Path, **environ: str) -> AsyncIterator[Service]:
    """The service on a database, with an empty library and without a worker."""
    settings = load_settings(
        {
            "DATABASE_URL": database_url,
            "LIBRARY_ROOTS": str(library),
            "DATA_DIR": str(library.parent),
            "ALLOWED_HOSTS": "service",
            **environ,
        }
    )
    async with (
        open_application(settings) as application,
        client_of(nullcontext(application), exposure_of(settings.access)) as client,
    ):
        yield Service(client, library, application)


def wrong(answer: httpx.Response) -> dict[str, str]:
    """What a problem names as wrong, with the reasons."""
    assert answer.status_code == 400, answer.text
    return {param["name"]: param["reason"] for param in answer.json()["invalid_params"]}
