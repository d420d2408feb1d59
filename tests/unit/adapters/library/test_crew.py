"""Many small files: read by processes, and by nobody once the reading is over."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from lora_manager.adapters.library.crew import Crew
from lora_manager.adapters.library.local import MANY, LocalLibrary
from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.app.library.inspect_file import inspection_of
from lora_manager.domain.errors import FileMissing, OutsideLibrary
from lora_manager.domain.file import Inspected
from tests.unit.domain.file.building import build, lora

KILL_READER = """
import os, sys
from lora_manager.adapters.library.crew import Crew
from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.app.library.inspect_file import inspection_of
folder, path = sys.argv[1:]
crew = Crew(1, LibraryRoots([folder]), inspection_of)
crew.examine([path])
print(crew.processes[0], flush=True)
os.kill(os.getpid(), 9)
"""


def reading_processes() -> list[str]:
    """The command lines of the processes that this one started to read files."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
    return [command for command in commands if "crew" in command]


@pytest.fixture
def library(tmp_path: Path) -> list[str]:
    """As many LoRAs as are worth a process, each with content of its own."""
    paths = [tmp_path / f"{place:04}.safetensors" for place in range(MANY)]
    for place, path in enumerate(paths):
        path.write_bytes(build(lora({"lora_unet_mid_block_attentions_0_proj_in": (8, 8)}), {"place": str(place)}))
    return [str(path) for path in paths]


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew[Inspected]]:
    with closing(Crew(1, LibraryRoots([str(tmp_path)]), inspection_of)) as crew:
        yield crew


async def test_many_files_are_read_in_the_order_of_the_paths_as_a_few_are(library: list[str], tmp_path: Path) -> None:
    (tmp_path / "0007.safetensors").unlink()
    with closing(LocalLibrary([str(tmp_path)], threads=2)) as store:
        many = [result async for result in store.examine(library, inspection_of)]
        few = [result async for result in store.examine(library[:20], inspection_of)]
    assert [result.found.path for result in many] == library
    assert [result.found for result in many[:20]] == [result.found for result in few]
    assert isinstance(many[7].outcome, FileMissing)
    assert [str(result.outcome) for result in many[:20]] == [str(result.outcome) for result in few]


async def test_closing_early_leaves_no_process(library: list[str], tmp_path: Path) -> None:
    with closing(LocalLibrary([str(tmp_path)], threads=2)) as store:
        async with aclosing(store.examine(library, inspection_of)) as results:
            await anext(results)
    assert reading_processes() == []


def test_errors_come_back_as_what_they_are(crew: Crew[Inspected]) -> None:
    [outside] = crew.examine(["/etc/hostname.safetensors"])
    assert isinstance(outside.outcome, OutsideLibrary)
    assert outside.outcome.path == "/etc/hostname.safetensors"


def test_a_process_that_dies_costs_time_and_no_file(
    crew: Crew[Inspected], library: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    crew.examine(library[:1])
    os.kill(crew.processes[0], signal.SIGKILL)
    assert all(isinstance(result.outcome, Inspected) for result in crew.examine(library[:3]))
    assert all(isinstance(result.outcome, Inspected) for result in crew.examine(library[3:6]))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_reading_process_ends_with_the_one_that_started_it(library: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILL_READER, str(tmp_path), library[0]]
    starter = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert starter.returncode == -signal.SIGKILL
    try:
        reader = os.pidfd_open(int(starter.stdout))
    except ProcessLookupError:
        return  # it ended before we could look
    ended, _, _ = select.select([reader], [], [], 30)
    os.close(reader)
    assert ended
