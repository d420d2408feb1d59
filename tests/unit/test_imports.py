"""What loads with the library, and what does not."""

import subprocess
import sys

import pytest

PROBE = """
import sys
before = set(sys.modules)
import {module}
roots = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(*sorted(roots - set(sys.stdlib_module_names) - {{"lora_manager"}}))
"""


@pytest.mark.parametrize("module", ["lora_manager.domain", "lora_manager.ports", "lora_manager.app.application"])
def test_the_core_loads_only_the_standard_library(module: str) -> None:
    probe = [sys.executable, "-c", PROBE.format(module=module)]
    loaded = subprocess.run(probe, capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
