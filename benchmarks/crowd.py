"""A hundred clients at once: ``python -m benchmarks.crowd SECONDS TARGET_PORT PORT ...``, with the key in API_KEY.

Each goes on with one random thing after another, and remembers what it was promised: the last change of its own adapter
that was confirmed, every addition to a counter that all share, every delivery that was accepted. In the end all of
it is looked up. It prints JSON: what was done, how fast, and what of it is not there.
"""

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvloop

CLIENTS = 100
PATIENCE_S = 90.0  # for the last deliveries to end
_KINDS = {"read": 35, "list": 10, "compose": 25, "write": 15, "count": 5, "deliver": 10}  # of a hundred


@dataclass
class Promises:
    """What the service said yes to.

    Attributes:
        descriptions: the last one confirmed, by adapter.
        counted: how often the shared counter was raised.
        deliveries: the ids of those accepted.
    """

    descriptions: dict[str, str] = field(default_factory=dict)
    counted: int = 0
    deliveries: list[str] = field(default_factory=list)


@dataclass
class Notes:
    """What happened: seconds of each request by kind, and how often each status came."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: "Counter[str]" = field(default_factory=Counter)
    errors: "Counter[str]" = field(default_factory=Counter)


class Client:
    """One of the crowd, with an adapter of its own."""

    def __init__(self, number: int, http: httpx.AsyncClient, adapters: list[str], target: int) -> None:
        self._random = random.Random(number)
        self._number = number
        self._http = http
        self._adapters = adapters
        self._own, self._shared = adapters[number], adapters[-1]
        self._target = target
        self._written = 0
        self.promises, self.notes = Promises(), Notes()

    async def go_on(self, until: float) -> None:
        """One thing after another."""
        while time.monotonic() < until:
            [kind] = self._random.choices(list(_KINDS), list(_KINDS.values()))
            try:
                await getattr(self, kind)()
            except httpx.HTTPError as error:
                self.notes.errors[f"{kind}: {type(error).__name__}"] += 1

    async def read(self) -> None:
        """One adapter."""
        await self._ask("read", "GET", f"/adapters/{self._random.choice(self._adapters)}")

    async def list(self) -> None:
        """A page."""
        await self._ask("list", "GET", "/adapters?limit=50&order_by=-updated_at")

    async def compose(self) -> None:
        """The active ones."""
        await self._ask("compose", "POST", "/compose", {"prefix": f"harbour {self._number}"})

    async def write(self) -> None:
        """A change that nobody else makes."""
        self._written += 1
        description = f"change {self._written}"
        answer = await self._ask("write", "PATCH", f"/adapters/{self._own}", {"description": description})
        if answer.status_code == httpx.codes.OK:
            self.promises.descriptions[self._own] = description

    async def count(self) -> None:
        """Raise what all raise, unless somebody was faster."""
        seen = (await self._ask("read", "GET", f"/adapters/{self._shared}")).json()["adapter"]
        change = {"description": str(int(seen["description"]) + 1)}
        held = {"If-Match": f'"{seen["revision"]}"'}
        answer = await self._ask("count", "PATCH", f"/adapters/{self._shared}", change, held)
        self.promises.counted += answer.status_code == httpx.codes.OK

    async def deliver(self) -> None:
        """A prompt for a runtime that takes it at once."""
        body = {"prompt": "a quiet harbour", "mode": "http", "params": {"host": "127.0.0.1", "port": self._target}}
        answer = await self._ask("deliver", "POST", "/deliveries", body)
        if answer.status_code == httpx.codes.CREATED:
            self.promises.deliveries.append(answer.json()["delivery_id"])

    async def _ask(
        self, kind: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        began = time.perf_counter()
        answer = await self._http.request(method, path, json=body, headers=headers)
        self.notes.seconds[kind].append(time.perf_counter() - began)
        self.notes.statuses[str(answer.status_code)] += 1
        return answer


async def main(seconds: float, target: int, ports: list[int]) -> dict[str, Any]:
    """Let them go, then look whether all promises were kept."""
    headers = {"X-API-Key": os.environ["API_KEY"]}
    services = [
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers=headers,
            timeout=60,
            limits=httpx.Limits(max_connections=CLIENTS),
        )
        for port in ports
    ]
    listed = (await services[0].get("/adapters", params={"limit": 500})).json()["items"]
    adapters = [adapter["id"] for adapter in listed]
    assert len(adapters) > CLIENTS
    await services[0].patch(f"/adapters/{adapters[-1]}", json={"description": "0"})
    for place, adapter_id in enumerate(adapters[:20], 1):
        await services[0].post(f"/adapters/{adapter_id}/activate", json={"ordinal": place})
    clients = [Client(n, services[n % len(services)], adapters, target) for n in range(CLIENTS)]
    until = time.monotonic() + seconds
    await asyncio.gather(*(client.go_on(until) for client in clients))
    broken = await _broken(services[-1], clients, adapters[-1])
    for service in services:
        await service.aclose()
    return {"done": _summed([client.notes for client in clients]), "broken": broken}


async def _broken(service: httpx.AsyncClient, clients: list[Client], shared: str) -> dict[str, int]:
    """How many promises of each kind were not kept."""
    changes = {key: value for client in clients for key, value in client.promises.descriptions.items()}
    lost = 0
    for adapter_id, description in changes.items():
        lost += (await service.get(f"/adapters/{adapter_id}")).json()["adapter"]["description"] != description
    counted = int((await service.get(f"/adapters/{shared}")).json()["adapter"]["description"])
    expected = sum(client.promises.counted for client in clients)
    waiting = {delivery_id for client in clients for delivery_id in client.promises.deliveries}
    accepted, until = len(waiting), time.monotonic() + PATIENCE_S
    while waiting and time.monotonic() < until:
        for delivery_id in sorted(waiting):
            status = (await service.get(f"/deliveries/{delivery_id}")).json()["delivery"]["status"]
            if status == "succeeded":
                waiting.discard(delivery_id)
    return {
        "changes confirmed": len(changes),
        "changes lost": lost,
        "counted": expected,
        "counts lost": abs(counted - expected),
        "deliveries accepted": accepted,
        "deliveries not succeeded": len(waiting),
    }


def _summed(notes: list[Notes]) -> dict[str, Any]:
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    statuses: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for one in notes:
        statuses += one.statuses
        errors += one.errors
        for kind, values in one.seconds.items():
            seconds[kind] += values
    latencies = {kind: _percentiles(sorted(values)) for kind, values in seconds.items()}
    return {"statuses": dict(statuses), "errors": dict(errors), "milliseconds": latencies}


def _percentiles(values: list[float]) -> dict[str, float]:
    """Of sorted seconds, in milliseconds."""
    return {f"p{part}": round(values[len(values) * part // 100] * 1000, 1) for part in (50, 95, 99)}


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(float(sys.argv[1]), int(sys.argv[2]), [*map(int, sys.argv[3:])]))))
