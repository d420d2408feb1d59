"""A service that is told to stop under load: it ends in time, and whatever it confirmed is kept."""

import asyncio
import signal
from http import HTTPStatus
from itertools import count
from uuid import UUID

import httpx
import pytest

from lora_manager.domain.delivery import Delivery, Outcome, Status
from lora_manager.http.server import GRACE_S
from tests.contract.stores import sql_stores
from tests.crash.faults import accepted, receiving, registered, service
from tests.crash.service import Service, until

__all__ = ["service"]

CLIENTS = 20
DELIVERIES = 3
UNDER_WAY = {Status.RUNNING, Status.RETRYING}  # another worker takes it up


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
async def test_told_to_stop_under_load_it_keeps_what_it_confirmed(service: Service, times: int) -> None:
    service.environment = {"WORKER_GRACE_S": "0"}
    confirmed: dict[str, int] = {}

    async def all_work() -> bool:
        return len(confirmed) == CLIENTS

    async with service.running(), receiving() as receiver, service.client() as client:
        loras = [await registered(service, f"ink {number}") for number in range(CLIENTS)]
        deliveries = [await accepted(service, "http", receiver.params) for _ in range(DELIVERIES)]
        await receiver.got(DELIVERIES)
        load = [asyncio.create_task(changing(client, lora_id, confirmed)) for lora_id in loras]
        following = [asyncio.create_task(followed(client, delivery_id)) for delivery_id in deliveries[:2]]
        await until(all_work)
        for _ in range(times):
            service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2 * GRACE_S):
            code = await service.process.wait()
        streams, statuses = await asyncio.gather(*following), await asyncio.gather(*load)
    # Whether two signals arrive as two, or as one, is up to the system.
    at_once = times > 1 and b"Error: stopped at once" in service.said
    assert code == (1 if at_once else 0), service.said.decode()
    assert b"Traceback" not in service.said
    assert set().union(*statuses) == {HTTPStatus.OK}
    for events in streams:
        assert "event: delivery.started" in events
        assert events.endswith("\n\n")
    await kept(service, confirmed)
    for delivery in await stored(service, *deliveries):
        if at_once:
            assert delivery.status in UNDER_WAY
        else:
            assert delivery.status is Status.RETRYING
            assert [attempt.outcome for attempt in delivery.attempts] == [Outcome.HANDED_BACK]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_told_again_while_it_waits_for_what_is_being_sent_it_stops_at_once(
    service: Service, second: signal.Signals
) -> None:
    service.environment = {"WORKER_GRACE_S": "600"}

    async def does_not_listen() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        except ConnectionError:
            return True
        writer.close()
        return b"Error" in service.said

    async with service.running(), receiving() as receiver:
        delivery_id = await accepted(service, "http", receiver.params)
        await receiver.got(1)
        service.process.send_signal(signal.SIGTERM)
        await until(does_not_listen)
        service.process.send_signal(second)
        async with asyncio.timeout(2 * GRACE_S):
            assert await service.process.wait() == 1, service.said.decode()
    assert b"Error: stopped at once" in service.said
    assert b"Traceback" not in service.said
    [delivery] = await stored(service, delivery_id)
    assert delivery.status in UNDER_WAY


async def kept(service: Service, confirmed: dict[str, int]) -> None:
    """What was confirmed is there, or the one change after it."""
    async with sql_stores(database_of(service)) as stores:
        for lora_id, number in confirmed.items():
            lora = await stores.catalog.get(UUID(lora_id))
            assert lora.weight in {weight(number), weight(number + 1)}


async def stored(service: Service, *delivery_ids: str) -> list[Delivery]:
    """What another worker finds of deliveries."""
    async with sql_stores(database_of(service)) as stores:
        return [await stores.deliveries.get(UUID(delivery_id)) for delivery_id in delivery_ids]


def database_of(service: Service) -> str:
    """The URL of its database."""
    return f"sqlite:///{service.folder / 'data' / 'db.sqlite'}"


async def changing(client: httpx.AsyncClient, lora_id: str, confirmed: dict[str, int]) -> set[int]:
    """Change a LoRA again and again until nobody answers any more.

    :param confirmed: gets the number of the last change that was answered
    :return: the statuses of the answers
    """
    statuses = set()
    for number in count(1):
        try:
            answer = await client.patch(f"/adapters/{lora_id}", json={"weight": weight(number)})
        except httpx.TransportError:
            break
        statuses.add(answer.status_code)
        confirmed[lora_id] = number
    return statuses


def weight(number: int) -> float:
    """The weight that a LoRA gets by the change of this number."""
    return number % 100 / 100


async def followed(client: httpx.AsyncClient, delivery_id: str) -> str:
    """The events of a delivery; raises if the stream breaks off instead of ending."""
    async with client.stream("GET", f"/deliveries/{delivery_id}/events") as answer:
        return "".join([part async for part in answer.aiter_text()])
