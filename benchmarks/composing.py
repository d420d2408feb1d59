"""The domain alone: loading it, and composing."""

import gc
import hashlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from benchmarks.table import Figure
from lora_manager.domain import FileRecord, Lora, Registry
from lora_manager.domain.file import Embedded, Hashes, Network

MEMBERS = 1_000
GOAL_MS = 2.0
IMPORT_GOAL_MS = 50.0


def registry_of(count: int) -> Registry:
    """A registry of active LoRAs with files, ordinals partly tied and partly missing."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    network = Network("lora", 16, 16, 16, 8.0, 264, 792, ("F16",))
    registry: dict[UUID, Lora] = {}
    for index in range(count):
        sha256 = hashlib.sha256(str(index).encode()).hexdigest()
        hashes = Hashes(sha256, sha256[:8], sha256[:10], sha256[:12])
        lora = Lora(
            id=UUID(int=index),
            name=f"style-{index:04}",
            file_path=f"/loras/style-{index:04}.safetensors",
            created_at=now,
            updated_at=now,
            weight=(index % 300) / 100 - 1,
            active=True,
            ordinal=index // 2 if index % 3 else None,
            base_model="sdxl",
            file=FileRecord(checked_at=now, size_bytes=1, hashes=hashes, network=network, embedded=Embedded()),
        )
        registry[lora.id] = lora
    return Registry(registry)


def import_domain() -> list[Figure]:
    """Loading the domain, above what a bare interpreter takes."""

    def seconds(statement: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        return time.perf_counter() - started

    seconds("import lora_manager.domain")  # leaves the byte code behind
    loads = ("pass", "import lora_manager.domain", "from lora_manager.domain import *")
    rounds = [[seconds(statement) * 1_000 for statement in loads] for _ in range(15)]
    floor, ours, everything = (statistics.median(times) for times in zip(*rounds, strict=True))
    return [
        Figure(
            "`import lora_manager.domain`",
            f"{ours:.0f} ms; {everything:.0f} ms with every name of it used",
            f"{floor:.0f} ms: a bare interpreter",
            f"{ours - floor:.0f} ms more",
            f"{IMPORT_GOAL_MS:g} ms more at most",
            ours - floor <= IMPORT_GOAL_MS,
        )
    ]


def compose_thousand() -> list[Figure]:
    """Sort, check and print 1,000 active LoRAs; the floor joins 1,000 finished tokens."""
    registry = registry_of(MEMBERS)
    tokens = registry.compose().tokens
    gc.collect()
    ours = statistics.median(_milliseconds(registry.compose) for _ in range(200))
    floor = statistics.median(_milliseconds(lambda: " ".join([f"{token}" for token in tokens])) for _ in range(200))
    return [
        Figure(
            f"compose {MEMBERS:,} LoRAs in the domain",
            f"{ours:.2f} ms",
            f"{floor:.3f} ms: join {MEMBERS:,} finished tokens",
            f"{ours:.2f} ms",
            f"{GOAL_MS:g} ms at most",
            ours <= GOAL_MS,
        )
    ]


def _milliseconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1_000
