"""Processes of the service that are killed and started again, and a client that does not give up."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.standins.http_server import Reply, serving

PATIENCE_S = 240.0
DELIVERIES = 200
MAX_ATTEMPTS = 20
_KILLS_BETWEEN = 3
LOG_TAIL = 4_000  # characters of what a process said that a failed test shows


@dataclass(slots=True)
class Fleet:
    """Processes that are started again whenever they end, until the block of :meth:`at_sea` ends.

    :param log: where they say what they do
    """

    folder: Path
    environment: Mapping[str, str]
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)  # by the place of their command
    kills: Counter[int] = field(default_factory=Counter)  # likewise

    @property
    def log(self) -> Path:
        """Where they say what they do."""
        return self.folder / "log"

    @asynccontextmanager
    async def at_sea(self, *commands: tuple[str, ...]) -> AsyncIterator[None]:
        """Run a process for each of the commands of ``lora-manager``."""
        keepers = [asyncio.create_task(self._keep(place, command)) for place, command in enumerate(commands)]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            for process in self.processes.values():
                if process.returncode is None:
                    process.kill()
                await process.wait()

    def kill(self, chance: random.Random) -> None:
        """SIGKILL one of those that run, by chance, but none much more often than the others."""
        running = [place for place, process in self.processes.items() if process.returncode is None]
        if running:
            victim = min(running, key=lambda place: (self.kills[place], chance.random()))
            self.processes[victim].send_signal(signal.SIGKILL)
            self.kills[victim] += 1

    async def _keep(self, place: int, arguments: tuple[str, ...]) -> None:
        while True:
            with self.log.open("ab") as log:
                process = self.processes[place] = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "lora_manager", *arguments),
                    cwd=self.folder,
                    env={**os.environ, **self.environment},
                    stdout=log,
                    stderr=log,
                )
            await process.wait()


@dataclass(slots=True)
class Receiver:
    """A runtime that takes everything, a little slowly, and keeps account of it."""

    effects: Counter[str] = field(default_factory=Counter)  # by Idempotency-Key
    attempts: set[tuple[str, str]] = field(default_factory=set)

    async def take(self, _method: str, _path: str, headers: Mapping[str, str], _body: bytes) -> Reply:
        key = headers.get("idempotency-key", "")
        self.effects[key] += 1
        self.attempts.add((key, headers.get("x-delivery-attempt", "")))
        await asyncio.sleep(0.15)  # long enough that some are killed while they wait for the answer
        return 200, {}, b"{}"


class Client:
    """Asks until it is answered."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=5, trust_env=False)
        self._turns = asyncio.Semaphore(10)  # more at a time would keep the machine busy while nobody answers

    async def ask(self, method: str, path: str, expected: int = 200, **options: Any) -> Any:  # noqa: ANN401  # JSON
        """The answer's JSON, once it comes with the expected status."""
        while True:
            try:
                answer = await self._http.request(method, path, **options)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == expected:
                return answer.json()
            assert answer is None or answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            await asyncio.sleep(0.1)  # it is being started again: nothing tells when

    async def enqueue(self, number: int, port: int) -> str:
        """Have a prompt delivered; the same number is the same delivery, however often it has to be said."""
        body = {
            "prompt": f"harbour {number}",
            "mode": "http",
            "params": {"host": "127.0.0.1", "port": port},
            "max_attempts": MAX_ATTEMPTS,
        }
        headers = {"Idempotency-Key": f"crash-{number}"}
        async with self._turns:
            answer = await self.ask("POST", "/deliveries", 201, json=body, headers=headers)
        return str(answer["delivery_id"])

    async def all_final(self) -> list[dict[str, Any]]:
        """Every delivery, once none of them waits or runs."""
        while True:
            answer = await self.ask("GET", "/deliveries?limit=500")
            deliveries: list[dict[str, Any]] = answer["items"]
            if all(delivery["status"] in {"succeeded", "failed", "cancelled"} for delivery in deliveries):
                return deliveries
            await asyncio.sleep(0.5)  # the only way to ask for all at once

    async def aclose(self) -> None:
        await self._http.aclose()


@dataclass(frozen=True, slots=True)
class Storm:
    """What happens to a fleet.

    :param every_s: seconds between two kills
    :param kills: how many at most; None: for as long as there is anything left to deliver
    :param strokes: further misfortunes, one after every third kill
    """

    every_s: float
    kills: int | None = None
    strokes: tuple[Callable[[], None], ...] = ()

    async def rage(self, fleet: Fleet, spent: asyncio.Event) -> None:
        """Kill; ``spent`` is set once all strokes have fallen and every process was killed."""
        chance = random.Random(3)  # noqa: S311  # no secret
        waiting = list(self.strokes)
        while self.kills is None or fleet.kills.total() < self.kills:
            await asyncio.sleep(self.every_s)
            fleet.kill(chance)
            if waiting and fleet.kills.total() % _KILLS_BETWEEN == 0:
                await asyncio.to_thread(waiting.pop(0))
            if not waiting and fleet.kills.keys() == fleet.processes.keys():
                spent.set()


async def weather(storm: Storm, fleet: Fleet, base_url: str, *commands: tuple[str, ...]) -> None:
    """Enqueue 200 deliveries while processes are killed, then see that each was delivered."""
    receiver, client, spent = Receiver(), Client(base_url), asyncio.Event()
    async with asyncio.timeout(PATIENCE_S), serving(receiver.take) as runtime, fleet.at_sea(*commands):
        raging = asyncio.create_task(storm.rage(fleet, spent))
        try:
            accepted = await asyncio.gather(*(client.enqueue(number, runtime.port) for number in range(DELIVERIES)))
            await spent.wait()
            final = await client.all_final()
        finally:
            raging.cancel()
            await asyncio.gather(raging, return_exceptions=True)
            await client.aclose()
    said = fleet.log.read_text(errors="replace")[-LOG_TAIL:]
    assert len(set(accepted)) == DELIVERIES
    assert {delivery["id"] for delivery in final} == set(accepted)
    assert {delivery["status"] for delivery in final} == {"succeeded"}, said
    assert max(len(delivery["attempts"]) for delivery in final) <= MAX_ATTEMPTS
    assert set(receiver.effects) == set(accepted)  # every effect carries its delivery's key, and none is missing
    assert all(1 <= int(attempt) <= MAX_ATTEMPTS for _, attempt in receiver.attempts)
