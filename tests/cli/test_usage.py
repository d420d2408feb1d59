"""How the command line is called, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from lora_manager import __version__
from lora_manager.cli.main import SUMMARIES, root
from tests.cli.workplace import Workplace

PROBE = """
import sys
from click.testing import CliRunner
from lora_manager.cli.main import root
result = CliRunner().invoke(root, {arguments!r}, prog_name="lora-manager")
print(result.output, file=sys.stderr)
assert result.exit_code == 0, result.exception
print(*sorted({{name.partition(".")[0] for name in sys.modules}} - set(sys.stdlib_module_names)))
print(*sorted(name for name in sys.modules if name.startswith(("lora_manager.", "sqlalchemy.dialects."))))
"""


def loaded_by(*arguments: str) -> tuple[set[str], set[str]]:
    """The third-party packages that a call imports, and the modules of ours and dialects of SQLAlchemy."""
    probe = [sys.executable, "-c", PROBE.format(arguments=arguments)]
    packages, modules = subprocess.run(probe, capture_output=True, text=True, check=True).stdout.splitlines()
    return set(packages.split()), set(modules.split())


def run_without(package: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Call the command where a package is not installed."""
    code = f"import sys; sys.modules[{package!r}] = None; from lora_manager.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_help_lists_every_command_with_its_summary(workplace: Workplace) -> None:
    told = workplace.ok("--help")
    assert all(command in told and summary in told for command, summary in SUMMARIES.items())


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_explains_itself_beginning_with_its_summary(workplace: Workplace, name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").startswith(SUMMARIES[name].removesuffix("."))
    assert f"Usage: lora-manager {name}" in workplace.ok(name, "--help")


def test_version_is_that_of_the_package(workplace: Workplace) -> None:
    assert workplace.ok("--version") == f"lora-manager, version {__version__}\n"


def test_it_can_be_run_as_a_module() -> None:
    called = [sys.executable, "-m", "lora_manager", "--version"]
    assert subprocess.run(called, capture_output=True, text=True, check=True).stdout.endswith(f"{__version__}\n")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["list", "--no-such-option"], ["show"], []])
def test_wrong_usage_exits_with_2_and_says_so_on_stderr_only(workplace: Workplace, arguments: list[str]) -> None:
    result = workplace.run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: lora-manager" in result.stderr


def test_a_failure_exits_with_1_and_one_line(workplace: Workplace) -> None:
    result = workplace.run("show", "ink")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: there is no adapter 'ink'; it may have been deleted\n"


def test_a_value_that_is_never_allowed_exits_with_2(workplace: Workplace) -> None:
    result = workplace.run("compose", "--dialect", "klingon")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: dialect must be one of a1111, ")


@pytest.mark.usefixtures("workplace")
def test_a_failure_in_the_way_of_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "lora_manager", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert process.returncode == 1
    assert process.stderr == "Error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("arguments", [["list"], ["compose"]], ids=" ".join)
def test_a_reader_that_has_seen_enough_is_no_error(workplace: Workplace, arguments: list[str]) -> None:
    workplace.put("ink", "1")
    workplace.ok("import", "loras")
    workplace.ok("activate", "ink")
    process = workplace.start(*arguments)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


@pytest.mark.parametrize("package", ["click", "sqlalchemy", "rich"])
@pytest.mark.usefixtures("workplace")
def test_without_the_server_extra_one_line_says_what_to_install(package: str) -> None:
    process = run_without(package, "list")
    assert process.returncode == 1
    assert process.stdout == ""
    assert process.stderr == (
        f"lora-manager: the command needs the package {package}: pip install 'lora-manager[server]'\n"
    )


def test_a_module_of_ours_that_is_missing_is_a_fault_and_not_an_advice() -> None:
    process = run_without("lora_manager.cli.main", "--help")
    assert process.returncode == 1
    assert "pip install" not in process.stderr


def test_help_imports_nothing_but_click() -> None:
    packages, modules = loaded_by("--help")
    assert packages == {"click", "lora_manager"} | bare_packages()
    assert modules == {"lora_manager.cli", "lora_manager.cli.main"}


@pytest.mark.usefixtures("workplace")
def test_compose_imports_neither_the_server_nor_what_draws_tables() -> None:
    packages, modules = loaded_by("compose")
    assert not packages & {"litestar", "uvicorn", "rich", "httpx"}
    assert not any(module.startswith("lora_manager.http") for module in modules)


@pytest.mark.usefixtures("workplace")
def test_where_the_registry_is_in_sqlite_the_dialect_of_postgresql_is_not_read() -> None:
    _, modules = loaded_by("list")
    assert {name for name in modules if name.startswith("sqlalchemy.dialects.")} >= {"sqlalchemy.dialects.sqlite"}
    assert "sqlalchemy.dialects.postgresql" not in modules


def bare_packages() -> set[str]:
    """What an interpreter loads of itself, such as hooks of installed packages."""
    code = "import sys; print(*({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_json_is_utf8_and_one_object_whatever_the_terminal_can_show(workplace: Workplace) -> None:
    workplace.put("墨", "1")
    workplace.ok("import", "loras")
    process = workplace.start("list", "--json", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert [item["name"] for item in json.loads(process.communicate()[0])["items"]] == ["墨"]


def test_text_that_the_terminal_cannot_show_is_escaped_instead_of_failing(workplace: Workplace) -> None:
    workplace.put("墨", "1")
    workplace.ok("import", "loras")
    process = workplace.start("compose", "--adapter", "墨", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert process.communicate() == ("<lora:\\u58a8:1>\n", "")
    assert process.returncode == 0
