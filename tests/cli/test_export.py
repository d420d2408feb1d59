"""``lora-manager export``: sidecars for other tools."""

import json
from pathlib import Path

from tests.cli.workplace import Workplace


def imported(workplace: Workplace, *names: str) -> None:
    """Files of these names, registered."""
    for name in names:
        workplace.put(name, name)
    workplace.ok("import", "loras")


def test_all_loras_are_exported_beside_their_files(workplace: Workplace) -> None:
    imported(workplace, "ink", "style/wash")
    report = workplace.json("export")
    assert sorted(Path(path).relative_to(workplace.library).as_posix() for path in report["written"]) == [
        "ink.json",
        "ink.metadata.json",
        "style/wash.json",
        "style/wash.metadata.json",
    ]
    assert (report["kept"], report["unknown"], report["failed"]) == ([], 2, [])


def test_one_lora_is_exported_for_the_tools_asked_for(workplace: Workplace) -> None:
    imported(workplace, "ink", "wash")
    told = workplace.ok("export", "ink", "--format", "a1111", "--format", "a1111")
    assert "1  written" in told
    assert [path.name for path in workplace.library.glob("*.json")] == ["ink.json"]


def test_what_is_there_is_named_and_stays_until_told_otherwise(workplace: Workplace) -> None:
    imported(workplace, "ink")
    there = workplace.library / "ink.json"
    there.write_text('{"negative text": "photo"}')
    told = workplace.ok("export", "--format", "a1111")
    assert "1  kept" in told
    assert f"--overwrite updates it):\n  {there}" in told
    assert json.loads(there.read_text()) == {"negative text": "photo"}
    workplace.ok("export", "--format", "a1111", "--overwrite")
    assert json.loads(there.read_text()) == {"negative text": "photo", "preferred weight": 1.0}


def test_a_dry_run_writes_nothing(workplace: Workplace) -> None:
    imported(workplace, "ink")
    told = workplace.ok("export", "--dry-run", "--to", "out")
    assert "2  to write" in told
    assert "nothing was written" in told
    assert not (workplace.folder / "out").exists()


def test_another_folder_gets_sidecars_and_previews(workplace: Workplace) -> None:
    imported(workplace, "style/ink")
    (workplace.library / "style" / "ink.preview.png").write_bytes(b"picture")
    workplace.ok("export", "--to", "out", "--format", "lora-manager")
    assert sorted(path.name for path in (workplace.folder / "out" / "style").iterdir()) == [
        "ink.metadata.json",
        "ink.preview.png",
    ]


def test_a_file_that_cannot_be_written_is_named_and_fails_the_command(workplace: Workplace) -> None:
    imported(workplace, "ink", "wash")
    (workplace.library / "ink.json").write_text("[]")
    result = workplace.run("export", "--format", "a1111", "--overwrite")
    assert result.exit_code == 1
    assert f"{workplace.library / 'ink.json'}: the sidecar holds no JSON object" in result.stdout
    assert "Error: 1 files were not written" in result.stderr
    assert (workplace.library / "wash.json").exists()


def test_a_lora_that_is_not_registered_is_named(workplace: Workplace) -> None:
    result = workplace.run("export", "nobody")
    assert result.exit_code == 1
    assert "'nobody'" in result.stderr


def test_a_library_moves_to_another_registry_with_all_that_was_typed(workplace: Workplace) -> None:
    imported(workplace, "ink")
    (workplace.library / "ink.json").write_text('{"activation text": "ink wash", "preferred weight": 0.7}')
    workplace.ok("import", "loras", "--sidecars")
    workplace.ok("export", "--format", "lora-manager")
    (workplace.library / "ink.json").unlink()
    other = {"DATA_DIR": "other"}
    workplace.ok("import", "loras", **other)
    adapter = workplace.json("show", "ink", **other)["adapter"]
    assert adapter["weight"] == 0.7
    assert [trigger["text"] for trigger in adapter["triggers"]] == ["ink wash"]
