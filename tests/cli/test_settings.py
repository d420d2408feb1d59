"""Where the command line takes its settings from."""

import json
from pathlib import Path

import pytest

from tests.cli.workplace import Workplace


def test_the_registry_is_kept_in_the_data_folder_of_the_working_directory(workplace: Workplace) -> None:
    workplace.ok("list")
    assert (workplace.folder / "data" / "db.sqlite").is_file()


def test_a_flag_wins_over_the_environment_and_that_over_the_env_file(workplace: Workplace) -> None:
    (workplace.folder / ".env").write_text("DATA_DIR=from-file\nLOG_LEVEL=error\n")
    workplace.ok("list")
    workplace.ok("list", DATA_DIR="from-environment")
    workplace.ok("--data-dir", "from-flag", "list", DATA_DIR="from-environment")
    made = sorted(path.name for path in workplace.folder.iterdir() if path.is_dir())
    assert made == ["from-environment", "from-file", "from-flag", "loras"]


def test_an_empty_variable_counts_as_not_set(workplace: Workplace) -> None:
    (workplace.folder / ".env").write_text("DATA_DIR=from-file\n")
    workplace.ok("list", DATA_DIR="", LIBRARY_ROOTS=" ")
    assert (workplace.folder / "from-file").is_dir()


def test_flags_name_the_database_and_the_library(workplace: Workplace) -> None:
    workplace.put("style/ink", "1")
    flags = ("--database-url", "sqlite:///other.sqlite", "--library-roots", "loras/style:elsewhere")
    assert "lies in no library root" not in workplace.run(*flags, "import", "loras/style").stderr
    assert (workplace.folder / "other.sqlite").is_file()
    assert workplace.json(*flags, "list")["total"] == 1


def test_every_wrong_setting_gets_a_line(workplace: Workplace) -> None:
    result = workplace.run("list", LOG_LEVEL="loud", AUTO_MIGRATE="perhaps")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "Error: AUTO_MIGRATE holds 'perhaps'; allowed are true and false",
        "Error: LOG_LEVEL holds 'loud'; allowed are debug, info, warning, error",
    ]


@pytest.mark.parametrize("content", [b"A=\xff\xfe", None], ids=["not text", "no file"])
def test_an_env_file_that_cannot_be_read_is_named(workplace: Workplace, content: bytes | None) -> None:
    path = workplace.folder / ".env"
    if content is None:
        path.symlink_to("/proc/self/mem")
    else:
        path.write_bytes(content)
    result = workplace.run("list")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: .env cannot be read: ")


def test_a_database_that_is_behind_names_the_command_that_helps(workplace: Workplace) -> None:
    result = workplace.run("list", AUTO_MIGRATE="off")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("run lora-manager migrate\n")
    workplace.ok("migrate", AUTO_MIGRATE="off")
    assert workplace.run("list", AUTO_MIGRATE="off").exit_code == 0


def test_a_database_that_does_not_answer_is_one_line_without_its_password(workplace: Workplace) -> None:
    result = workplace.run("--database-url", "postgresql://me:secret@127.0.0.1:1/db", "list")
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "secret" not in result.stderr


def test_a_template_becomes_the_dialect(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    workplace.ok("import", "loras")
    workplace.ok("activate", "ink")
    assert workplace.ok("compose", TOKEN_FORMAT="[{name}*{weight}]") == "[ink*1]\n"


def test_events_are_logged_for_whoever_asks_for_them(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    assert workplace.run("import", "loras", LOG_LEVEL="info").stderr.count("adapter.created") == 1
    assert workplace.run("import", "loras").stderr == ""


def test_a_log_line_is_one_json_object_where_that_is_wanted(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    lines = workplace.run("import", "loras", LOG_LEVEL="info", LOG_FORMAT="json").stderr.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["message"].split()[0] for event in events] == ["adapter.created", "library.scanned"]
    assert all(event["level"] == "info" and event["time"].endswith("Z") for event in events)


def test_a_working_directory_that_is_gone_is_one_line(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = workplace.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    Path(gone).rmdir()
    result = workplace.run("list")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
