"""``lora-manager import``, stopped before it is done."""

import signal
import subprocess
import time

import pytest

from tests.cli.workplace import Workplace, counts
from tests.library import write_endless_lora

PATIENCE_S = 120
SMALL = 20


def start_and_wait_until_the_small_ones_are_registered(workplace: Workplace) -> "subprocess.Popen[str]":
    for number in range(SMALL):
        workplace.put(f"small{number:02}", str(number))
    write_endless_lora(workplace.library / "zz-endless.safetensors")
    workplace.ok("migrate")
    process = workplace.start("import", "loras")
    deadline = time.monotonic() + PATIENCE_S
    while workplace.json("list")["total"] < SMALL:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
    return process


def import_the_rest(workplace: Workplace) -> None:
    (workplace.library / "zz-endless.safetensors").unlink()
    workplace.put("zz", "the last")
    report = workplace.json("import", "loras")
    assert counts(report) == {"unchanged": SMALL, "added": 1}


def test_ctrl_c_ends_it_cleanly_and_the_same_command_goes_on(workplace: Workplace) -> None:
    process = start_and_wait_until_the_small_ones_are_registered(workplace)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert stdout == ""
    assert stderr == ("Error: interrupted; what was registered is kept, and the same command goes on from there\n")
    import_the_rest(workplace)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_killed_import_loses_nothing_that_was_registered(workplace: Workplace, number: signal.Signals) -> None:
    process = start_and_wait_until_the_small_ones_are_registered(workplace)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == -number
    import_the_rest(workplace)
