"""Deliveries to an HTTP target that does nothing, against a bare claim loop that sends nothing."""

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from benchmarks.children import call, child
from benchmarks.table import Figure
from tests.contract.postgres import wheel_server
from tests.contract.redis_server import redis_server_in

COUNT = 5_000
ROUNDS = 3
GOAL = 0.60
ACCEPTED = 60  # deliveries whose latency is measured, one after the other
LATENCY_GOAL_MS = 50.0
_PARTS = [sys.executable, "-m", "benchmarks.delivery_parts"]
_PORT = re.compile(r"^(\d+)$")


def delivering(workspace: Path) -> list[Figure]:
    """Deliveries per second on SQLite, on PostgreSQL, and there with SAQ on Redis; and how soon an attempt begins."""
    with child([*_PARTS, "target"], dict(os.environ), _PORT) as port, wheel_server() as server:
        postgres = server.get_uri()
        data = workspace / "deliveries"

        def sqlite_floor() -> float:
            shutil.rmtree(data, ignore_errors=True)
            data.mkdir()
            return _seconds("bare", str(data / "bare.sqlite"), str(COUNT))

        def postgres_floor() -> float:
            return _seconds("bare", postgres, str(COUNT))

        def drain(**environment: str) -> float:
            return _seconds("drain", str(COUNT), str(port), DATA_DIR=str(data), AUTO_MIGRATE="true", **environment)

        figures = [
            _figure("SQLite", sqlite_floor, drain),
            _figure("PostgreSQL", postgres_floor, lambda: drain(DATABASE_URL=postgres)),
        ]
        redis_folder = workspace / "redis"
        redis_folder.mkdir()
        with redis_server_in(redis_folder) as redis:
            ours = lambda: drain(DATABASE_URL=postgres, QUEUE_URL=redis.url)  # noqa: E731  # of the one above
            figures.append(_figure("PostgreSQL, SAQ on Redis", postgres_floor, ours))
    return [*figures, _latency(workspace)]


def _figure(store: str, floor: Callable[[], float], ours: Callable[[], float]) -> Figure:
    pairs = [(floor(), ours()) for _ in range(ROUNDS)]
    ratio = statistics.median(base / own for base, own in pairs)
    base, own = (COUNT / statistics.median(column) for column in zip(*pairs, strict=True))
    return Figure(
        f"{COUNT:,} deliveries by HTTP, one worker, {store}",
        f"{own:,.0f} deliveries/s",
        f"{base:,.0f} jobs/s: a bare claim loop that sends nothing",
        f"{ratio:.0%}",
        f"{GOAL:.0%} at least",
        ratio >= GOAL,
    )


def _latency(workspace: Path) -> Figure:
    """From the answer 201 to the request that the target gets, on a service that does nothing else."""
    data = workspace / "latency"
    environment = {**os.environ, "DATA_DIR": str(data), "LOG_LEVEL": "warning"}
    serve = [sys.executable, "-m", "lora_manager", "serve", "--port", "0"]
    announced = re.compile(r"http://127\.0\.0\.1:(\d+)")
    waits = []
    with _stopwatch() as (port, arrival), child(serve, environment, announced) as service:
        for _ in range(ACCEPTED):
            body = {"prompt": "a quiet harbour", "mode": "http", "params": {"host": "127.0.0.1", "port": port}}
            call(service, "POST", "/deliveries", json.dumps(body).encode())
            accepted = time.perf_counter()
            waits.append(max(arrival() - accepted, 0.0) * 1000)
    median = statistics.median(waits)
    return Figure(
        "from 201 to the start of the attempt, idle service, SQLite",
        f"{median:.1f} ms (the slowest of {ACCEPTED}: {max(waits):.1f} ms)",
        "",
        f"{median:.1f} ms",
        f"{LATENCY_GOAL_MS:g} ms at most",
        median <= LATENCY_GOAL_MS,
    )


@contextmanager
def _stopwatch() -> Iterator[tuple[int, Callable[[], float]]]:
    """A target in a thread of its own: its port, and a function that gives the moment of the next arrival."""
    arrived = Event()
    moment = [0.0]
    listener = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            connection, _ = listener.accept()
            moment[0] = time.perf_counter()
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()
            arrived.set()

    def arrival() -> float:
        arrived.wait(30)
        arrived.clear()
        return moment[0]

    Thread(target=take, daemon=True).start()
    yield listener.getsockname()[1], arrival
    listener.close()


def _seconds(*arguments: str, **environment: str) -> float:
    variables = {**os.environ, "LOG_LEVEL": "warning", **environment}
    return float(subprocess.run([*_PARTS, *arguments], env=variables, check=True, stdout=subprocess.PIPE).stdout)
