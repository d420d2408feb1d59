"""What changes is published, whatever dies: the service, S3, the connection between them; and nobody waits for it."""

import asyncio
import random
from collections.abc import Callable
from http import HTTPStatus

from tests.contract.s3_faults import Request
from tests.crash.remote import FOREVER, Remote, remote
from tests.crash.service import Service
from tests.library import write_lora

__all__ = ["remote"]

LORAS = 16
KILLS = 8
EVERY_S = 1.5  # between two kills, besides the second in which the service starts
AWAY_S = 5  # not a minute: that attempts come at least once a minute is tested with a clock that is set


async def test_every_change_is_published_though_service_and_s3_fail_again_and_again(remote: Remote) -> None:
    service, storm, calm = remote.service, asyncio.Event(), asyncio.Event()
    remote.way.fail(503, "SlowDown", chooses=now_and_then(0.1, storm), times=FOREVER)
    remote.way.fail(500, "InternalError", chooses=now_and_then(0.05, storm), times=FOREVER, lost=True)
    remote.way.cut(20, chooses=now_and_then(0.1, storm), times=FOREVER)
    async with service.running():
        ids = await registered(remote)
        storm.set()
        async with asyncio.TaskGroup() as users:
            for number, lora_id in enumerate(ids):
                users.create_task(change(service, lora_id, number, calm))
            for kill in range(KILLS):
                await asyncio.sleep(EVERY_S)
                await service.kill()
                if kill == KILLS // 2:
                    await remote.way.refuse()
                    await service.start()
                    await asyncio.sleep(AWAY_S)
                    await remote.way.start()
                else:
                    await service.start()
            calm.set()
        storm.clear()
        await remote.nothing_waits()
        adapters = await service.adapters()
        expected = {one["id"]: await document(service, one["id"]) for one in adapters}
    assert {one["metadata"]["state"] for one in adapters} == {"synced"}
    assert expected.keys() == {lora_id for number, lora_id in enumerate(ids) if number % 4}
    assert remote.documents == expected


async def test_what_a_service_was_publishing_when_it_was_killed_is_published_by_the_next_one(remote: Remote) -> None:
    service = remote.service
    async with service.running():
        changed, deleted, *others = await registered(remote)
        await remote.nothing_waits()
        under_way = remote.way.hold(chooses=changes_documents, times=2)
        await service.ask("PATCH", f"/adapters/{changed}", json={"weight": 0.5})
        await service.ask("DELETE", f"/adapters/{deleted}", HTTPStatus.NO_CONTENT)
        await under_way.reached.wait()
        await service.kill()
        under_way.times = 0

        await service.start()
        await remote.nothing_waits()
        assert remote.documents == {lora_id: await document(service, lora_id) for lora_id in (changed, *others)}
    assert b'"weight": 0.5' in remote.documents[changed]


async def test_no_request_waits_for_s3(remote: Remote) -> None:
    service = remote.service
    async with service.running():
        first, second, *_ = await registered(remote)
        await remote.nothing_waits()
        hanging = remote.way.hold(times=FOREVER)
        assert hanging.hold is not None
        await service.ask("PATCH", f"/adapters/{first}", json={"weight": 0.5})
        await hanging.reached.wait()

        await service.ask("PATCH", f"/adapters/{second}", json={"weight": 0.25})
        await service.ask("DELETE", f"/adapters/{second}", HTTPStatus.NO_CONTENT)
        await service.ask("POST", f"/adapters/{second}/restore")
        await service.ask("POST", "/compose", json={"prefix": "a quiet harbour"})
        assert b'"weight": 0.5' in await document(service, first)
        states = {one["id"]: one["metadata"]["state"] for one in await service.adapters()}
        assert states.pop(first) in {"pending", "failed"}
        assert states.pop(second) in {"pending", "failed"}
        assert set(states.values()) == {"synced"}

        hanging.times = 0
        hanging.hold.set()
        await remote.nothing_waits()
        assert remote.documents == {lora_id: await document(service, lora_id) for lora_id in (first, second, *states)}


async def registered(remote: Remote) -> list[str]:
    """Have the service know some LoRAs."""
    for number in range(LORAS):
        write_lora(remote.service.folder / "loras" / f"ink {number}.safetensors", f"{number:02}")
    assert await remote.service.run("import", "loras") == 0, remote.service.said.decode()
    return [adapter["id"] for adapter in await remote.service.adapters()]


async def change(service: Service, lora_id: str, number: int, calm: asyncio.Event) -> None:
    """Change one LoRA until there is calm; every fourth is deleted in the end."""
    place, count = f"/adapters/{lora_id}", 0
    while not calm.is_set():
        await service.ask("PATCH", place, json={"tags": [f"round {count}", f"lora {number}"]})
        await service.ask("POST", f"{place}/activate?ordinal={count}")
        await delete(service, place)
        await service.ask("POST", f"{place}/restore")
        count += 1
    if number % 4 == 0:
        await delete(service, place)


async def delete(service: Service, place: str) -> None:
    """Have it deleted; it is, too, where the answer was lost with the process."""
    await service.ask("DELETE", place, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND)


async def document(service: Service, lora_id: str) -> bytes:
    """What is to be published of a LoRA."""
    return (await service.ask("GET", f"/adapters/{lora_id}/metadata")).content


def changes_documents(request: Request) -> bool:
    """Chooses what publishes a document, or withdraws one."""
    return request.method in {"PUT", "DELETE"} and "/metadata/" in request.target


def now_and_then(share: float, storm: asyncio.Event) -> Callable[[Request], bool]:
    """Chooses so many of the requests while there is a storm."""
    chance = random.Random(3)  # noqa: S311  # no secret
    return lambda _: storm.is_set() and chance.random() < share
