"""Measure everything, or the parts named: ``python -m benchmarks [PART ...] [--write]``.

The parts are compose, small, serving, large, deliveries, storing, calm and enduring. ``serving`` uses the library that
``small`` made.
``--write`` puts the table into docs/benchmarks.md.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.composing import compose_thousand, import_domain
from benchmarks.delivering import delivering
from benchmarks.enduring import calm, enduring
from benchmarks.importing import large, small
from benchmarks.serving import serving
from benchmarks.storing import storing
from benchmarks.table import Figure, render

PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "compose": lambda _: [*import_domain(), *compose_thousand()],
    "small": small,
    "serving": serving,
    "large": large,
    "deliveries": delivering,
    "storing": storing,
    "calm": calm,
    "enduring": enduring,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
MARK = "<!-- figures -->"


def main(arguments: list[str]) -> int:
    """Run the parts and print their table; 1 when a goal is missed."""
    wanted = [name for name in PARTS if name in arguments] or list(PARTS)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="lora-manager-bench-") as workspace:
        for name in wanted:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            figures += PARTS[name](Path(workspace))
    machine = f"CPython {platform.python_version()}, {os.cpu_count()} processors, {platform.system()}."
    table = f"{machine}\n\n{render(figures)}"
    print(table)
    if "--write" in arguments:
        before, _, after = PAGE.read_text().split(MARK)
        PAGE.write_text(f"{before}{MARK}\n{table}\n{MARK}{after}")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
