"""``lora-manager list``, ``show``, ``activate`` and ``deactivate``."""

import asyncio
from typing import Unpack
from uuid import UUID

import pytest

from lora_manager.app.loras.revise_lora import ReviseLoraCommand
from lora_manager.container import open_application
from lora_manager.domain.lora import LoraChanges
from lora_manager.domain.trigger import Trigger, TriggerStatus
from lora_manager.settings import load_settings
from tests.cli.workplace import Workplace


@pytest.fixture
def filled(workplace: Workplace) -> Workplace:
    """Three LoRAs: ink (style, wash), fog (style) and sun."""
    for number, name in enumerate(("ink", "fog", "sun")):
        workplace.put(name, str(number))
    workplace.ok("import", "loras")
    ids = {item["name"]: item["id"] for item in workplace.json("list")["items"]}
    revise(ids["ink"], tags=("style", "wash"), weight=0.5)
    revise(ids["fog"], tags=("style",), base_model="sdxl")
    return workplace


def revise(lora_id: str, **changes: Unpack[LoraChanges]) -> None:
    """Change a LoRA in the registry of the working directory."""

    async def change() -> None:
        async with open_application(load_settings({})) as application:
            await application.revise_lora(ReviseLoraCommand(lora_id=UUID(lora_id), changes=changes))

    asyncio.run(change())


def listed(workplace: Workplace, *arguments: str) -> list[str]:
    """The names that a listing shows, in its order."""
    return [item["name"] for item in workplace.json("list", *arguments)["items"]]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["fog", "ink", "sun"]),
        (["--order-by", "-name"], ["sun", "ink", "fog"]),
        (["--tag", "style"], ["fog", "ink"]),
        (["--tag", "style", "--tag", "wash"], ["ink"]),
        (["--any-tag", "wash", "--any-tag", "no such tag"], ["ink"]),
        (["--not-tag", "style"], ["sun"]),
        (["--q", "FO"], ["fog"]),
        (["--base-model", "sdxl"], ["fog"]),
        (["--file-state", "present"], ["fog", "ink", "sun"]),
        (["--file-state", "missing"], []),
        (["--inactive", "--limit", "2"], ["fog", "ink"]),
        (["--active"], []),
    ],
)
def test_a_listing_shows_what_passes_its_filters_in_its_order(
    filled: Workplace, arguments: list[str], names: list[str]
) -> None:
    assert listed(filled, *arguments) == names


def test_a_listing_is_a_page_as_the_rest_api_gives_it(filled: Workplace) -> None:
    page = filled.json("list", "--limit", "2")
    assert page.keys() == {"items", "total", "limit", "offset", "next_cursor"}
    assert (page["total"], page["limit"], page["offset"]) == (3, 2, 0)
    assert isinstance(page["next_cursor"], str)
    assert filled.json("list", "--all")["next_cursor"] is None


def test_all_goes_on_beyond_a_page(filled: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.cli.list_command.MAX_LIMIT", 2)
    page = filled.json("list", "--all")
    assert [item["name"] for item in page["items"]] == ["fog", "ink", "sun"]
    assert page["total"] == 3


def test_people_are_told_of_what_a_listing_leaves_out(filled: Workplace) -> None:
    lines = filled.ok("list", "--limit", "2").splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["name", "fog", "ink"]
    assert lines[-1] == "2 of 3; --all lists all of them"
    assert len(filled.ok("list").splitlines()) == 4


@pytest.mark.parametrize("arguments", [["--order-by", "colour"], ["--limit", "0"], ["--limit", "501"]])
def test_a_listing_that_cannot_be_is_wrong_usage(filled: Workplace, arguments: list[str]) -> None:
    assert filled.run("list", *arguments).exit_code == 2


def test_a_lora_is_shown_by_name_or_by_id(filled: Workplace) -> None:
    by_name = filled.json("show", "ink")["adapter"]
    assert by_name["weight"] == 0.5
    assert filled.json("show", by_name["id"])["adapter"] == by_name
    told = filled.ok("show", "ink")
    assert all(str(by_name[field]) in told for field in ("id", "name", "weight", "file_path", "sha256", "size_bytes"))
    assert "style, wash" in told


def test_all_that_is_said_of_a_lora_is_shown(filled: Workplace) -> None:
    revise(
        filled.json("show", "ink")["adapter"]["id"],
        version="v2",
        title="Ink\non paper",
        description="[bold]of washes[/bold]",
        archetype="style",
        preview_url="https://example.org/ink.png",
        te_weight=0.25,
        triggers=(Trigger("ink wash", group="brush"), Trigger("paper", status=TriggerStatus.OPTIONAL)),
    )
    told = filled.ok("show", "ink")
    assert r"Ink\non paper" in told
    for expected in ("v2", "[bold]of washes[/bold]", "style", "https://example.org/ink.png", "0.25"):
        assert expected in told
    assert "ink wash (required, brush)" in told
    assert "paper (optional)" in told


def test_a_file_that_broke_is_shown_with_what_is_wrong(filled: Workplace) -> None:
    (filled.library / "ink.safetensors").write_bytes(b"")
    filled.ok("import", "loras")
    told = filled.ok("show", "ink")
    assert "unreadable" in told
    assert "problem" in told


def test_a_name_of_several_versions_lists_them_and_wants_an_id_from_who_needs_one(workplace: Workplace) -> None:
    workplace.put("a/ink", "1")
    workplace.put("b/ink", "2")
    workplace.ok("import", "loras")
    ids = {item["id"] for item in workplace.json("list")["items"]}
    told = workplace.ok("show", "ink")
    assert all(lora_id in told for lora_id in ids)
    for arguments in (["show", "ink", "--json"], ["activate", "ink"], ["deactivate", "ink"]):
        result = workplace.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert all(lora_id in result.stderr for lora_id in ids)
    assert listed(workplace, "--active") == []
    for lora_id in ids:
        assert workplace.json("show", lora_id)["adapter"]["id"] == lora_id


def test_activating_takes_a_lora_in_at_its_place_and_deactivating_keeps_the_place(filled: Workplace) -> None:
    assert filled.ok("activate", "sun", "--ordinal", "1") == "sun is active, place 1\n"
    assert filled.ok("activate", "ink") == "ink is active, place -\n"
    assert listed(filled, "--active", "--order-by", "ordinal") == ["sun", "ink"]
    assert filled.ok("deactivate", "sun") == "sun is not active\n"
    assert listed(filled, "--active") == ["ink"]
    assert filled.json("activate", "sun")["adapter"]["ordinal"] == 1
    assert filled.json("deactivate", "sun")["adapter"]["active"] is False


def test_an_ordinal_out_of_range_is_wrong_usage(filled: Workplace) -> None:
    result = filled.run("activate", "ink", "--ordinal", str(2**60))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ordinal must be an integer from ")


@pytest.mark.parametrize("reference", ["nobody", "01890a5d-ac96-774b-bcce-b302099a8057", "", "<", "a\ud800", "x" * 300])
def test_somebody_unknown_fails_in_one_line(filled: Workplace, reference: str) -> None:
    for command in ("show", "activate", "deactivate"):
        result = filled.run(command, reference)
        assert (result.exit_code, result.stdout) == (1, "")
        assert len(result.stderr.splitlines()) == 1
