"""``lora-manager import``: what people are told."""

import json
import os
import pty
from pathlib import Path

from tests.cli.terminal import read_all
from tests.cli.workplace import Workplace, counts
from tests.library import lora_bytes, write_lora


def test_links_out_of_the_library_are_rejected_with_the_root_to_add(workplace: Workplace) -> None:
    outside = workplace.folder / "outside"
    write_lora(outside / "ink.safetensors", "1")
    (workplace.library / "folder").symlink_to(outside)
    (workplace.library / "file.safetensors").symlink_to(outside / "ink.safetensors")
    report = workplace.json("import", "loras")
    assert counts(report) == {"rejected": 2}
    assert all(f"add {outside} to LIBRARY_ROOTS" in finding["reason"] for finding in report["rejected"])


def test_a_path_outside_the_library_is_imported_with_a_warning_that_names_the_root_to_add(workplace: Workplace) -> None:
    path = write_lora(workplace.folder / "elsewhere" / "ink.safetensors", "1")
    result = workplace.run("import", "elsewhere", "--json")
    assert counts(json.loads(result.stdout)) == {"added": 1}
    assert result.stderr.startswith(f"Warning: {path.parent} lies in no library root; add it to LIBRARY_ROOTS")
    file = workplace.run("import", path)
    assert f"Warning: {path.parent} lies in no library root" in file.stderr


def test_a_path_inside_the_library_needs_no_warning(workplace: Workplace) -> None:
    workplace.put("style/ink", "1")
    for path in ("loras", "./loras/style/../style", "loras/style/ink.safetensors", workplace.library):
        assert workplace.run("import", path).stderr == ""


def test_a_folder_named_like_the_beginning_of_a_root_is_not_inside_it(workplace: Workplace) -> None:
    write_lora(workplace.folder / "loras-old" / "ink.safetensors", "1")
    assert "loras-old lies in no library root" in workplace.run("import", "loras-old").stderr


def test_a_path_that_does_not_exist_is_wrong_usage(workplace: Workplace) -> None:
    for arguments in (["nowhere"], [], ["loras", "nowhere"]):
        result = workplace.run("import", *arguments)
        assert result.exit_code == 2
        assert result.stdout == ""
    assert not (workplace.folder / "data").exists()


def test_odd_names_are_registered_and_shown_without_harm(workplace: Workplace) -> None:
    odd = ["[red]x[bold]", "墨 ink", "a\x1b[31mb", "line\nbreak", "-dash", "e\u0301", "r\u202etl", "a=1", "x" * 240]
    for number, name in enumerate(odd):
        workplace.put(name, str(number))
    Path(os.fsdecode(os.fsencode(workplace.library) + b"/bytes\xff.safetensors")).write_bytes(lora_bytes("bytes"))
    report = workplace.json("import", "loras")
    assert counts(report) == {"added": len(odd), "rejected": 1}
    assert report["rejected"] == [
        {"path": rf"{workplace.library}/bytes\xff.safetensors", "reason": "its name is not valid UTF-8; rename it"}
    ]
    table = workplace.ok("list")
    assert "[red]x[bold]" in table
    for path in workplace.library.iterdir():
        path.unlink()
    told = workplace.ok("import", "loras")
    assert rf"{workplace.library}/a\x1b[31mb.safetensors" in told
    assert rf"{workplace.library}/line\nbreak.safetensors" in told
    assert not set(told + table) & {"\x1b", "\u202e"}


def test_names_that_cannot_hold_their_stem_are_told(workplace: Workplace) -> None:
    workplace.put("ink:wash", "1")
    assert f"{workplace.library}/ink:wash.safetensors: registered as 'ink_wash'" in workplace.ok("import", "loras")


def test_people_get_long_lists_cut_with_a_count_and_machines_get_them_whole(workplace: Workplace) -> None:
    for number in range(60):
        (workplace.library / f"{number:02}.pt").touch()
    lines = workplace.ok("import", "loras").splitlines()
    assert "       60  rejected" in lines
    assert sum(".pt: " in line for line in lines) == 50
    assert lines[-1] == "  ... and 10 more; --json lists all of them"
    assert counts(workplace.json("import", "loras")) == {"rejected": 60}


def test_a_terminal_shows_a_progress_bar_on_stderr_and_nothing_of_it_on_stdout(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb") as terminal:
        process = workplace.start("import", "loras", "--json", stderr=theirs, TERM="xterm", NO_COLOR="1")
        os.close(theirs)
        shown = read_all(terminal)
        stdout, _ = process.communicate()
    assert counts(json.loads(stdout)) == {"added": 1}
    assert b"1 of 1 files" in shown
