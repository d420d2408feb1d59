"""A page of the documentation, whose commands are run as a person would run them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "library"
SERVICE = "127.0.0.1:8000"
"""Where the service is, on every page that has one."""
PATIENCE_S = 240  # on a busy machine
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"--port (\d+)")
_BEFORE = """set -euo pipefail
trap 'kill $(jobs -p) && wait' EXIT
"""
# What a person does who has started a service in another terminal: wait until it is there.
_UNTIL_READY = """until curl -fs -o /dev/null http://127.0.0.1:{port}/health/ready; do kill -0 $!; sleep 0.1; done
"""
# What the service says in the end, to be held against what others find.
_AFTER = """mkdir -p "$HOME/served"
cd "$HOME/served"
curl -fsS 'http://{service}/adapters?limit=500' -o adapters.json
for id in $(python3 -c 'import json; print(*(one["id"] for one in json.load(open("adapters.json"))["items"]))'); do
  curl -fsS "http://{service}/adapters/$id/metadata" -o "$id.json"
done
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """A page that was followed to its end.

    :param folder: where that was
    :param said: all that was printed, by the services too
    """

    folder: Path
    said: str

    def files(self) -> dict[str, bytes]:
        """Every file that is there now, by its path in the folder, but for the settings and what stores hide."""
        paths = (path for path in self.folder.rglob("*") if path.is_file() and path.name != ".env")
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes() for path in paths if ".drafts" not in path.parts
        }


def blocks(page: str) -> list[str]:
    """The commands of a page, block by block."""
    return _BLOCK.findall((ROOT / "docs" / page).read_text())


def follow(page: str, folder: Path, places: Mapping[str, str], **environment: str) -> Followed:
    """Run every command of a page, in order, in a folder that holds the example library.

    :param places: what stands on the page for the reader's own servers and keys, and what to put in its place
    """
    shutil.copytree(EXAMPLES, folder / "examples" / "library", dirs_exist_ok=True)
    script = "".join(blocks(page))
    for written, meant in places.items():
        assert written in script, f"{page} does not name {written}"
        script = script.replace(written, meant)
    lines = [line + _waiting(line) for line in script.splitlines(keepends=True)]
    after = _AFTER.format(service=places[SERVICE]) if SERVICE in places else ""
    return Followed(folder, _run("".join([_BEFORE, *lines, after]), folder, environment))


def _waiting(line: str) -> str:
    """What is to be waited for after this line."""
    if not line.endswith(" &\n"):
        return ""
    port = _PORT.search(line)
    assert port is not None, f"nobody knows where this listens: {line}"
    return _UNTIL_READY.format(port=port[1])


def _run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    commands = folder / "bin"
    _write_command(commands / "lora-manager", "-m lora_manager")
    _write_command(commands / "python3", "")
    inherited = {name: os.environ[name] for name in ("PYTHONPATH", "TMPDIR") if name in os.environ}
    own = {"HOME": str(folder), "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["bash", "-c", script],  # noqa: S607  # where a person finds it
        cwd=folder,
        env={**inherited, **own, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        _end_all(process)
        said, _ = process.communicate()
        raise AssertionError(f"the page was not done within {PATIENCE_S} s:\n{said}") from None
    finally:
        _end_all(process)
    assert process.returncode == 0, said
    return said


def _end_all(process: "subprocess.Popen[str]") -> None:
    """End the session that the script was started in, with whatever of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _write_command(path: Path, arguments: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
    path.chmod(0o755)
