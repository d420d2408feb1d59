"""Requests per second over a registry of 10,000, against a bare handler that returns the same bytes."""

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import call, child
from benchmarks.table import Figure

ACTIVE = 20
CONNECTIONS, SECONDS, ROUNDS = 16, 4.0, 5
COMPOSE = b'{"prefix":"a castle","suffix":"at dawn"}'


@contextmanager
def _serving(data: Path, roots: Path) -> Iterator[int]:
    """The real service on a free port."""
    environment = {**os.environ, "DATA_DIR": str(data), "LIBRARY_ROOTS": str(roots), "LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "lora_manager", "serve", "--port", "0"]
    with child(command, environment, re.compile(r"http://127\.0\.0\.1:(\d+)")) as listen_port:
        yield listen_port


def _rate(listen_port: int, method: str, path: str, body: bytes | None) -> float:
    """Requests per second of one load, made by a process of its own."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{listen_port}\r\n"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    command = [sys.executable, "-m", "benchmarks.load", "127.0.0.1", str(listen_port), str(CONNECTIONS), str(SECONDS)]
    request = head.encode() + b"\r\n" + (body or b"")
    return float(subprocess.run(command, input=request, capture_output=True, check=True).stdout)


def serving(workspace: Path) -> list[Figure]:
    """Compose, one adapter and a page of 50, on the registry that the import of small files left."""
    with _serving(workspace / "data", workspace / "small") as ours:
        items = json.loads(call(ours, "GET", "/adapters?limit=500"))["items"]
        for place, item in enumerate(items[:: len(items) // ACTIVE][:ACTIVE], 1):
            call(ours, "POST", f"/adapters/{item['id']}/activate", json.dumps({"ordinal": place}).encode())
        routes: list[tuple[str, str, bytes | None, float]] = [
            ("POST", "/compose", COMPOSE, 0.65),
            ("GET", f"/adapters/{items[0]['id']}", None, 0.40),
            ("GET", "/adapters?limit=50", None, 0.20),
        ]
        answers = {f"{method} {path}": call(ours, method, path, body).decode() for method, path, body, _ in routes}
        (workspace / "answers.json").write_text(json.dumps(answers))
        bare_command = [sys.executable, "-m", "benchmarks.bare", str(workspace / "answers.json")]
        with child(bare_command, dict(os.environ), re.compile(r"^(\d+)$")) as bare:
            return [_figure(ours, bare, *route) for route in routes]


def _figure(ours: int, bare: int, method: str, path: str, body: bytes | None, goal: float) -> Figure:
    """Loads in turn, so that a drift of the machine's speed touches both."""
    rates = [(_rate(bare, method, path, body), _rate(ours, method, path, body)) for _ in range(ROUNDS)]
    floor, rate = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(own / base for base, own in rates)
    shown = re.sub(r"[0-9a-f-]{36}", "{id}", path)
    return Figure(
        f"`{method} {shown}`, {ACTIVE} active of 10,000",
        f"{rate:,.0f} requests/s",
        f"{floor:,.0f} requests/s: bare handler, same bytes",
        f"{ratio:.0%}",
        f"{goal:.0%} at least",
        ratio >= goal,
    )
