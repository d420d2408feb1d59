"""Import of many small and of some large files, each as a whole process against its floor."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.library import make_large, make_small
from benchmarks.table import Figure

SMALL_FILES = 10_000
LARGE_FILES, LARGE_SIZE = 50, 200_000_000
FIRST_IMPORT_GOAL, LARGE_IMPORT_GOAL = 2.0, 1.2  # times the floor


def run(*arguments: str, **variables: str) -> float:
    """Seconds that a Python process with these arguments takes; it must succeed."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
    return time.perf_counter() - started


def import_folder(folder: Path, data: Path) -> float:
    """Seconds that ``lora-manager import`` takes, with the database in ``data``."""
    environment = {"DATA_DIR": str(data), "LIBRARY_ROOTS": str(folder)}
    return run("-m", "lora_manager", "import", "--json", str(folder), **environment)


def pairs(count: int, floor: Callable[[], float], ours: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of floor, ours, and of ours / floor, measured in turn after one warm-up of the floor."""
    floor()
    floors, times = zip(*[(floor(), ours()) for _ in range(count)], strict=True)
    return (
        statistics.median(floors),
        statistics.median(times),
        statistics.median(ours / base for base, ours in zip(floors, times, strict=True)),
    )


def small(workspace: Path) -> list[Figure]:
    """A first import of 10,000 files, then imports that find nothing new. Leaves the registry in ``workspace/data``."""
    folder, data = workspace / "small", workspace / "data"
    make_small(folder, SMALL_FILES)

    def first() -> float:
        shutil.rmtree(data, ignore_errors=True)
        return import_folder(folder, data)

    floor, ours, ratio = pairs(3, lambda: run("-m", "benchmarks.floors", "plain-loop", str(folder)), first)
    bare, again, _ = pairs(
        5, lambda: run("-m", "benchmarks.floors", "walk-and-stat", str(folder)), lambda: import_folder(folder, data)
    )
    return [
        Figure(
            f"import of {SMALL_FILES:,} files of 55 to 610 kB, as a process",
            f"{ours:.1f} s ({SMALL_FILES / ours:,.0f} files/s)",
            f"{floor:.1f} s: loop of walk, read, json, sha256",
            f"{ratio:.2f} x",
            f"{FIRST_IMPORT_GOAL:g} x at most",
            ratio <= FIRST_IMPORT_GOAL,
        ),
        Figure(
            f"the same again, nothing changed ({SMALL_FILES:,} files)",
            f"{again:.2f} s",
            f"{bare:.2f} s: walk and stat",
            f"{again - bare:.2f} s more",
            "1 s more at most",
            again - bare <= 1,
        ),
    ]


def large(workspace: Path) -> list[Figure]:
    """A first import of large files."""
    folder, data = workspace / "large", workspace / "data-large"
    make_large(folder, LARGE_FILES, LARGE_SIZE)

    def first() -> float:
        shutil.rmtree(data, ignore_errors=True)
        return import_folder(folder, data)

    floor, ours, ratio = pairs(3, lambda: run("-m", "benchmarks.floors", "digests", str(folder)), first)
    rate = LARGE_FILES * LARGE_SIZE / ours / 1e9
    return [
        Figure(
            f"import of {LARGE_FILES} files of {LARGE_SIZE // 1_000_000} MB, as a process",
            f"{ours:.1f} s ({rate:.2f} GB/s)",
            f"{floor:.1f} s: the same digests on all cores",
            f"{ratio:.2f} x",
            f"{LARGE_IMPORT_GOAL:g} x at most",
            ratio <= LARGE_IMPORT_GOAL,
        )
    ]
