"""Two services on one SQLite file: both serve, what either accepts is kept, and each delivery is sent once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from itertools import cycle
from pathlib import Path

import httpx

from tests.crash.faults import accepted, receiving, service
from tests.crash.service import Service, until
from tests.library import write_lora

__all__ = ["service"]

LORAS = 50
DELIVERIES = 20
WEIGHTS = [number / 20 for number in range(1, 21)]  # that one LoRA gets from both, one after the other


async def test_two_services_on_one_file_lose_nothing_and_send_nothing_twice(service: Service) -> None:
    async with both(service) as services, receiving() as receiver:
        receiver.release.set()
        async with services[0].client() as one, services[1].client() as other:
            clients, others = cycle([one, other]), cycle([other, one])
            paths = [write_lora(service.folder / "loras" / f"{n:02}.safetensors", f"{n:02}") for n in range(LORAS)]
            contested, *ids = await asyncio.gather(*(register(next(clients), path) for path in paths))
            weights = {lora_id: number / 100 for number, lora_id in enumerate(ids)}
            async with asyncio.TaskGroup() as users:
                for lora_id, weight in [*weights.items(), *((contested, weight) for weight in WEIGHTS)]:
                    users.create_task(change(next(others), lora_id, weight))
                sending = [
                    users.create_task(accepted(each, "http", receiver.params)) for each in services * (DELIVERIES // 2)
                ]
        sent = [task.result() for task in sending]
        for each in services:
            adapters = {adapter["id"]: adapter for adapter in await each.adapters()}
            assert adapters.pop(contested)["revision"] == 1 + len(WEIGHTS)
            assert {lora_id: adapter["weight"] for lora_id, adapter in adapters.items()} == weights
            await until(partial(all_succeeded, each, set(sent)))
    assert sorted(receiver.attempts) == sorted((delivery_id, "1") for delivery_id in sent)
    assert b"locked" not in service.said
    assert b"Traceback" not in service.said


async def all_succeeded(service: Service, deliveries: set[str]) -> bool:
    listed = (await service.ask("GET", "/deliveries?limit=500")).json()["items"]
    return {delivery["id"] for delivery in listed if delivery["status"] == "succeeded"} == deliveries


@asynccontextmanager
async def both(service: Service) -> AsyncIterator[list[Service]]:
    """Two services in one folder that start at the same moment, without a database there."""
    services = [service, Service(service.folder, service.environment)]
    try:
        await asyncio.gather(*(each.start() for each in services))
        yield services
    finally:
        await asyncio.gather(*(each.kill() for each in services))


async def register(client: httpx.AsyncClient, path: Path) -> str:
    """The id of a new LoRA."""
    answer = await client.post("/adapters", json={"name": path.stem, "file_path": str(path)})
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    return str(answer.json()["adapter"]["id"])


async def change(client: httpx.AsyncClient, lora_id: str, weight: float) -> None:
    answer = await client.patch(f"/adapters/{lora_id}", json={"weight": weight})
    assert answer.status_code == HTTPStatus.OK, answer.text
