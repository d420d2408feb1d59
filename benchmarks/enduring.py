"""Two minutes of a hundred clients, and slow runtimes: what must not happen meanwhile."""

import http.client
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.children import call, child, started
from benchmarks.library import make_small
from benchmarks.table import Figure
from tests.contract.postgres import wheel_server
from tests.contract.redis_server import redis_server_in

SECONDS = 120
FILES = 300
SETTLED_S = 60  # by then, caches and pools have the size they keep
GROWTH = 1.10  # times the memory at that time that a process may have in the end
SLOW, TAKES_S = 60, 4.0
ASKED = 800  # requests of each kind, before, during and after slow deliveries
SLOWER = 1.25  # times the median before and after
_SERVES, _WORKS = re.compile(r"http://127\.0\.0\.1:(\d+)"), re.compile(r"the worker (\S+)\.")
_TARGET = [sys.executable, "-m", "benchmarks.delivery_parts", "target"]
_PORT = re.compile(r"^(\d+)$")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def enduring(workspace: Path) -> list[Figure]:
    """A hundred clients on PostgreSQL with two services and two workers."""
    make_small(workspace / "crowd", FILES)
    redis_folder = workspace / "crowd-redis"
    redis_folder.mkdir()
    with ExitStack() as stack:
        environment = {
            **os.environ,
            "DATABASE_URL": stack.enter_context(wheel_server()).get_uri(),
            "QUEUE_URL": stack.enter_context(redis_server_in(redis_folder)).url,
            "AUTO_MIGRATE": "true",
            "DATA_DIR": str(workspace / "crowd-data"),
            "LIBRARY_ROOTS": str(workspace / "crowd"),
            "LOG_LEVEL": "warning",
            "API_KEY": secrets.token_urlsafe(32),
        }
        command = [sys.executable, "-m", "lora_manager"]
        subprocess.run([*command, "import", str(workspace / "crowd")], env=environment, check=True, capture_output=True)
        target = stack.enter_context(child(_TARGET, environment, _PORT))
        serving = [
            stack.enter_context(started([*command, "serve", "--port", "0"], environment, _SERVES)) for _ in range(2)
        ]
        working = [stack.enter_context(started([*command, "worker"], environment, _WORKS)) for _ in range(2)]
        ports = [found.group(1) for _, found in serving]
        pids = {
            f"{kind} {n}": one[0].pid
            for kind, ones in (("service", serving), ("worker", working))
            for n, one in enumerate(ones, 1)
        }
        crowd = [sys.executable, "-m", "benchmarks.crowd", str(SECONDS), str(target), *ports]
        with _watched(pids) as memory:
            said = subprocess.run(crowd, env=environment, check=True, capture_output=True, text=True).stdout
    report = json.loads(said)
    print(json.dumps({**report, "resident megabytes": memory}, indent=2), file=sys.stderr)
    return _figures(report["done"], report["broken"], memory)


@contextmanager
def _watched(pids: dict[str, int]) -> Iterator[dict[str, dict[int, int]]]:
    """The resident memory of processes in megabytes, by the second at which it was looked at."""
    memory: dict[str, dict[int, int]] = {name: {} for name in pids}
    stopped, began = threading.Event(), time.monotonic()

    def watch() -> None:
        while not stopped.wait(5):
            second = round(time.monotonic() - began)
            if second <= SECONDS:
                for name, pid in pids.items():
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    memory[name][second] = pages * _PAGE_KB // 1024

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        stopped.set()
        thread.join()


def _figures(
    done: dict[str, dict[str, int]], broken: dict[str, int], memory: dict[str, dict[int, int]]
) -> list[Figure]:
    requests = sum(done["statuses"].values())
    faults = sum(count for status, count in done["statuses"].items() if status >= "500") + sum(done["errors"].values())
    lost = sum(count for name, count in broken.items() if "lost" in name or "not" in name)
    growth = {
        name: by_second[max(by_second)] / by_second[min(second for second in by_second if second >= SETTLED_S)]
        for name, by_second in memory.items()
    }
    what = f"{SECONDS} s of 100 clients on PostgreSQL, two services, two workers"
    promised = broken["changes confirmed"] + broken["counted"] + broken["deliveries accepted"]
    sizes = ", ".join(f"{by_second[max(by_second)]} MB" for by_second in memory.values())
    return [
        Figure(
            f"{what}: faults",
            f"{requests:,} requests ({requests / SECONDS:,.0f}/s)",
            "none",
            f"{faults}",
            "0",
            faults == 0,
        ),
        Figure(f"{what}: promises not kept", f"{promised:,} promises", "none", f"{lost}", "0", lost == 0),
        Figure(
            f"{what}: memory in the end",
            sizes,
            f"the same at {SETTLED_S} s",
            f"{max(growth.values()):.2f} x at most",
            f"{GROWTH:g} x at most",
            max(growth.values()) <= GROWTH,
        ),
    ]


def calm(workspace: Path) -> list[Figure]:
    """What a service that sends deliveries itself, on SQLite, takes for other requests while runtimes are slow."""
    make_small(workspace / "calm", FILES)
    environment = {
        **os.environ,
        "DATA_DIR": str(workspace / "calm-data"),
        "LIBRARY_ROOTS": str(workspace / "calm"),
        "LOG_LEVEL": "warning",
        "WORKER_CONCURRENCY": str(SLOW),
    }
    command = [sys.executable, "-m", "lora_manager"]
    subprocess.run([*command, "import", str(workspace / "calm")], env=environment, check=True, capture_output=True)
    target = child([*_TARGET, str(TAKES_S)], environment, _PORT)
    with target as runtime, child([*command, "serve", "--port", "0"], environment, _SERVES) as service:
        routes = ("/health", "/adapters?limit=50")
        _medians(service, routes)
        before = _medians(service, routes)
        for _ in range(SLOW):
            params = {"host": "127.0.0.1", "port": runtime}
            call(service, "POST", "/deliveries", json.dumps({"prompt": "x", "mode": "http", "params": params}).encode())
        during = _medians(service, routes)
        running = _running(service)
        while _running(service):
            time.sleep(0.1)
        after = _medians(service, routes)
    without = {route: tuple(map(statistics.mean, zip(before[route], after[route], strict=True))) for route in routes}
    return [_calm_figure(route, without[route], during[route], running) for route in routes]


def _running(listen_port: int) -> int:
    return len(json.loads(call(listen_port, "GET", "/deliveries?status=running&limit=500"))["items"])


def _medians(listen_port: int, routes: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Median and 99th percentile of the milliseconds that each route takes, one request after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", listen_port)
    taken: dict[str, list[float]] = {route: [] for route in routes}
    for _ in range(ASKED):
        for route in routes:
            began = time.perf_counter()
            connection.request("GET", route)
            connection.getresponse().read()
            taken[route].append((time.perf_counter() - began) * 1000)
    connection.close()
    return {
        route: (statistics.median(all_of), statistics.quantiles(all_of, n=100)[-1]) for route, all_of in taken.items()
    }


def _calm_figure(route: str, without: tuple[float, ...], during: tuple[float, float], running: int) -> Figure:
    ratio = during[0] / without[0]
    return Figure(
        f"`GET {route}` while {running} deliveries wait for a runtime that takes {TAKES_S:g} s",
        f"{during[0]:.2f} ms (99 % within {during[1]:.1f} ms)",
        f"{without[0]:.2f} ms ({without[1]:.1f} ms): without them",
        f"{ratio:.2f} x",
        f"{SLOWER:g} x at most",
        ratio <= SLOWER and running == SLOW,
    )
