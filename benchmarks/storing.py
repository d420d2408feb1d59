"""Files and documents put into an S3 server on loopback, each as a whole process against plain aioboto3."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import child
from benchmarks.importing import SMALL_FILES, import_folder, pairs, run
from benchmarks.library import make_large, make_small
from benchmarks.table import Figure

FILES, SIZE = 200, 5_242_880
PUSH_GOAL, SYNC_GOAL = 0.80, 0.70  # of the floor's rate
ROUNDS = 3
BUCKET = "loras"
_PARTS = ["-m", "benchmarks.storing_parts"]
_PORT = re.compile(r"^(\d+)$")


def storing(workspace: Path) -> list[Figure]:
    """``push`` of a library, and ``sync`` of a registry; every run fills a server of its own."""
    return [_push(workspace), _sync(workspace)]


def _push(workspace: Path) -> Figure:
    folder = workspace / "to-push"
    make_large(folder, FILES, SIZE, rank=128)
    variables = {"DATA_DIR": str(workspace / "data-push"), "LIBRARY_ROOTS": str(folder)}
    base, own, ratio = _against("push", variables, "put-files", str(folder))
    return Figure(
        f"push of {FILES} files of {SIZE / 2**20:g} MiB to an S3 server on loopback, as a process",
        f"{own:.1f} s ({FILES * SIZE / own / 1e6:,.0f} MB/s)",
        f"{base:.1f} s: plain aioboto3 doing the same",
        f"{1 / ratio:.0%}",
        f"{PUSH_GOAL:.0%} at least",
        1 / ratio >= PUSH_GOAL,
    )


def _sync(workspace: Path) -> Figure:
    folder, data = workspace / "small", workspace / "data"
    if not data.exists():  # where the part "small" did not make it
        make_small(folder, SMALL_FILES)
        import_folder(folder, data)
    variables = {"DATA_DIR": str(data), "LIBRARY_ROOTS": str(folder)}
    base, own, ratio = _against("sync", variables, "put-documents", str(SMALL_FILES))
    return Figure(
        f"sync of {SMALL_FILES:,} documents to an S3 server on loopback, as a process",
        f"{own:.1f} s ({SMALL_FILES / own:,.0f} documents/s)",
        f"{base:.1f} s: plain aioboto3 putting as many of the same size",
        f"{1 / ratio:.0%}",
        f"{SYNC_GOAL:.0%} at least",
        1 / ratio >= SYNC_GOAL,
    )


def _against(command: str, variables: dict[str, str], plain: str, *arguments: str) -> tuple[float, float, float]:
    """Medians of the plain part's seconds, of our command's, and of their ratio; each fills a new server."""

    def ours() -> float:
        with _server() as port:
            return run("-m", "lora_manager", command, "--json", **variables, **_variables(port))

    def floor() -> float:
        with _server() as port:
            return run(*_PARTS, plain, str(port), BUCKET, *arguments)

    return pairs(ROUNDS, floor, ours)


@contextmanager
def _server() -> Iterator[int]:
    """The port of a server with an empty bucket."""
    with child([sys.executable, *_PARTS, "server"], dict(os.environ), _PORT) as port:
        run(*_PARTS, "make-bucket", str(port), BUCKET)
        yield port


def _variables(port: int) -> dict[str, str]:
    return {
        "S3_ENDPOINT": f"http://127.0.0.1:{port}",
        "S3_BUCKET": BUCKET,
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
    }
