"""``lora-manager import``: which files are registered, and what is told of them."""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.workplace import ROOT, Workplace, counts
from tests.library import lora_bytes, write_lora
from tests.permissions import folder_for_anyone, unprivileged

OUTCOMES = ["added", "moved", "changed", "missing", "unchanged", "duplicate", "rejected"]
FACTS: dict[str, dict[str, Any] | None] = json.loads((ROOT / "tests/data/facts.json").read_text())
LORAS = sorted(name for name, facts in FACTS.items() if facts is not None)


def names(findings: Iterable[dict[str, str]]) -> list[str]:
    """The files of findings."""
    return [Path(finding["path"]).name for finding in findings]


def test_every_genuine_lora_is_registered_with_its_facts_and_nothing_else(workplace: Workplace) -> None:
    workplace.put_genuine_files()
    report = workplace.json("import", "loras")
    assert list(report) == OUTCOMES
    assert names(report["added"]) == LORAS
    assert names(report["rejected"]) == sorted(FACTS.keys() - set(LORAS))
    assert all(finding.keys() == {"path", "reason"} and finding["reason"] for finding in report["rejected"])
    for name in LORAS:
        facts = dict(FACTS[name] or {})
        adapter = workplace.json("show", name.removesuffix(".safetensors"))["adapter"]
        file = adapter["file"]
        assert adapter["file_path"] == str(workplace.library / name)
        assert (adapter["sha256"], adapter["size_bytes"]) == (facts["sha256"], facts["size_bytes"])
        assert adapter["base_model"] == facts["base_model"]
        assert {kind: file["hashes"][kind] for kind in ("sha256", "autov1", "autov2", "autov3")} == {
            kind: facts[kind] for kind in ("sha256", "autov1", "autov2", "autov3")
        }
        assert (file["network"]["kind"], file["network"]["rank"]) == (facts["kind"], facts["rank"])
        assert file["network"]["tensors"] == facts["tensors"]
        assert file["embedded"].get("output_name") == facts["output_name"]


def test_importing_again_finds_everything_unchanged(workplace: Workplace) -> None:
    workplace.put_genuine_files()
    workplace.ok("import", "loras")
    report = workplace.json("import", "loras")
    assert names(report["unchanged"]) == LORAS
    assert counts(report) == {"unchanged": len(LORAS), "rejected": len(FACTS) - len(LORAS)}


def test_a_moved_file_keeps_its_entry_with_weight_and_place(workplace: Workplace) -> None:
    path = workplace.put("ink", "1")
    [added] = workplace.json("import", "loras")["added"]
    workplace.ok("activate", "ink", "--ordinal", "3")
    (workplace.library / "style").mkdir()
    path.rename(workplace.library / "style" / "brush.safetensors")
    [moved] = workplace.json("import", "loras")["moved"]
    assert moved == {
        "path": f"{workplace.library}/style/brush.safetensors",
        "id": added["id"],
        "name": "ink",
        "previous_path": f"{workplace.library}/ink.safetensors",
    }
    adapter = workplace.json("show", "ink")["adapter"]
    assert (adapter["active"], adapter["ordinal"]) == (True, 3)
    assert workplace.run("compose").stdout == "<lora:ink:1>\n"


def test_changed_missing_and_duplicate_files_are_told_apart(workplace: Workplace) -> None:
    for name in ("changes", "stays", "vanishes"):
        workplace.put(name, name)
    workplace.ok("import", "loras")
    workplace.put("changes", "other content")
    workplace.put("copy", "stays")
    (workplace.library / "vanishes.safetensors").unlink()
    report = workplace.json("import", "loras")
    assert {outcome: names(findings) for outcome, findings in report.items() if findings} == {
        "changed": ["changes.safetensors"],
        "missing": ["vanishes.safetensors"],
        "unchanged": ["stays.safetensors"],
        "duplicate": ["copy.safetensors"],
    }
    assert report["duplicate"][0]["previous_path"] == f"{workplace.library}/stays.safetensors"


def test_another_file_of_the_same_stem_is_told_apart_by_its_autov2(workplace: Workplace) -> None:
    workplace.put("a/ink", "1")
    workplace.put("b/ink", "2")
    workplace.ok("import", "loras")
    versions = {item["version"]: item["file"]["hashes"]["autov2"] for item in workplace.json("list")["items"]}
    assert len(versions) == 2
    assert None in versions
    assert all(version in {None, autov2} for version, autov2 in versions.items())


def test_two_files_that_swapped_places_keep_their_entries(workplace: Workplace) -> None:
    ink, wash = workplace.put("ink", "1"), workplace.put("wash", "22")
    ids = {finding["name"]: finding["id"] for finding in workplace.json("import", "loras")["added"]}
    aside = ink.rename(workplace.folder / "aside")
    wash.rename(ink)
    aside.rename(wash)
    moved = workplace.json("import", "loras")["moved"]
    assert {finding["name"]: (finding["id"], finding["path"]) for finding in moved} == {
        "ink": (ids["ink"], str(wash)),
        "wash": (ids["wash"], str(ink)),
    }


def test_a_file_that_was_replaced_and_kept_aside_keeps_its_entry(workplace: Workplace) -> None:
    path = workplace.put("ink", "1")
    [added] = workplace.json("import", "loras")["added"]
    path.rename(workplace.library / "ink-old.safetensors")
    workplace.put("ink", "2")
    report = workplace.json("import", "loras")
    assert counts(report) == {"moved": 1, "added": 1}
    assert report["moved"][0]["id"] == added["id"]
    assert report["added"][0]["version"] is not None


def test_a_dry_run_says_what_the_import_then_does_and_changes_nothing(workplace: Workplace) -> None:
    workplace.put("moves", "1")
    workplace.put("changes", "2")
    workplace.ok("import", "loras")
    (workplace.library / "moves.safetensors").rename(workplace.library / "moved.safetensors")
    workplace.put("changes", "3")
    workplace.put("a/new", "4")
    workplace.put("b/new", "5")
    workplace.put("copy", "4")
    before = workplace.json("list")
    planned = workplace.json("import", "loras", "--dry-run")
    assert workplace.json("list") == before
    done = workplace.json("import", "loras")
    for finding in [*planned["added"], *planned["duplicate"], *done["added"], *done["duplicate"]]:
        del finding["id"]  # a plan makes up the ids of entries that are not there yet
    assert planned == done
    assert counts(done) == {"moved": 1, "changed": 1, "added": 2, "duplicate": 1}


def test_files_that_are_no_loras_are_rejected_by_name_and_the_rest_goes_on(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    (workplace.library / "pickle.safetensors").write_bytes(b"\x80\x02}q\x00." + bytes(100))
    (workplace.library / "zip.safetensors").write_bytes(b"PK\x03\x04" + bytes(100))
    (workplace.library / "cut.safetensors").write_bytes(lora_bytes("1")[:-1])
    (workplace.library / "empty.safetensors").touch()
    (workplace.library / "old.ckpt").touch()
    os.mkfifo(workplace.library / "pipe.safetensors")
    report = workplace.json("import", "loras")
    assert counts(report) == {"added": 1, "rejected": 6}
    reasons = {Path(finding["path"]).name: finding["reason"] for finding in report["rejected"]}
    assert "pickle" in reasons["pickle.safetensors"]
    assert "never opened" in reasons["old.ckpt"]
    told = workplace.ok("import", "loras")
    assert all(f"{workplace.library / name}: {reason}" in told for name, reason in reasons.items())


def test_a_file_that_may_not_be_read_is_rejected_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_for_anyone() as folder:
        monkeypatch.chdir(folder)
        write_lora(folder / "loras" / "ink.safetensors", "1").chmod(0)
        with unprivileged():
            [rejected] = Workplace(folder).json("import", "loras")["rejected"]
    assert rejected["reason"] == "permission denied; let the user that runs the service read it"


def test_a_library_read_by_several_processes_is_registered_whole(workplace: Workplace) -> None:
    contents = {f"{number:03}": str(number) for number in range(450)}
    for name, content in contents.items():
        workplace.put(name, content)
    assert counts(workplace.json("import", "loras")) == {"added": 450}
    shutil.rmtree(workplace.library)
    workplace.library.mkdir()
    assert counts(workplace.json("import", "loras")) == {"missing": 450}
