"""The commands that deliveries may run."""

import sys
from pathlib import Path

import pytest

from lora_manager.adapters.checks.commands import Commands
from lora_manager.ports.diagnosis import Diagnosis, Health


async def test_without_commands_there_is_nothing_to_find_fault_with() -> None:
    [found] = await Commands({}).look()
    assert found == Diagnosis("commands", Health.GOOD, "none are set in CLI_COMMANDS")


async def test_a_program_is_found_by_its_path_and_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "draw").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = await Commands({"named": ("draw",), "placed": (sys.executable, "--password", "hush")}).look()
    assert [one.finding for one in found] == [f"'named' runs {tmp_path}/draw", f"'placed' runs {sys.executable}"]
    assert {one.health for one in found} == {Health.GOOD}


async def test_a_program_that_is_not_there_or_may_not_be_run_is_bad(tmp_path: Path) -> None:
    (tmp_path / "draw").touch(mode=0o644)
    commands = {
        "closed": (f"{tmp_path}/draw", "hush"),
        "gone": (f"{tmp_path}/gone", "hush"),
        "nowhere": ("no-such-program", "hush"),
    }
    found = await Commands(commands).look()
    assert {one.health for one in found} == {Health.BAD}
    assert [one.finding for one in found] == [
        f"the program {tmp_path}/draw of 'closed' may not be run",
        f"the program {tmp_path}/gone of 'gone' is not there",
        "the program no-such-program of 'nowhere' is in no folder of PATH",
    ]
    assert [one.advice for one in found] == [
        f"chmod +x {tmp_path}/draw",
        "install it, or correct CLI_COMMANDS",
        "install it, or correct CLI_COMMANDS",
    ]
    assert "hush" not in str(found)
