"""The floors of importing, as plain as they can be; run as ``python -m benchmarks.floors NAME FOLDER``."""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

_CHUNK = 1 << 20


def _walk(folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)


def plain_loop(folder: str) -> None:
    """Walk, read, parse the header with json and take the SHA-256 of each file; write nothing."""
    for path in _walk(folder):
        with open(path, "rb") as file:
            content = file.read()
        json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        hashlib.sha256(content).hexdigest()


def walk_and_stat(folder: str) -> None:
    """Walk and stat each file."""
    for path in _walk(folder):
        os.stat(path)


def digests(folder: str) -> None:
    """Take the digests that an import takes (the whole file's, the data section's) of each file, on all cores."""

    def digest(path: str) -> None:
        whole, data = hashlib.sha256(), hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            head = file.read(8)
            head += file.read(int.from_bytes(head, "little"))
            whole.update(head)
            buffer = memoryview(bytearray(_CHUNK))
            while count := file.readinto(buffer):
                whole.update(buffer[:count])
                data.update(buffer[:count])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(digest, _walk(folder)))


if __name__ == "__main__":
    {"plain-loop": plain_loop, "walk-and-stat": walk_and_stat, "digests": digests}[sys.argv[1]](sys.argv[2])
