"""What is written for other tools."""

import json
from typing import Any

import pytest

from lora_manager.domain.provenance import Source
from lora_manager.domain.sidecar import NotASidecar, NothingToSay, SidecarFormat, write_sidecar
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from tests.unit.domain.sidecar.examples import ANSWER, CARD, RECORD, lora

VALID = Validation(state=ValidationState.VALID, model_id=765432, version_id=1234567)


def written(sidecar_format: SidecarFormat, existing: object = None, **fields: object) -> Any:  # noqa: ANN401  # JSON is anything
    """What is written for a LoRA with these fields, as JSON."""
    raw = None if existing is None else json.dumps(existing).encode()
    return json.loads(write_sidecar(sidecar_format, lora(**fields), raw))


def test_a_card_gets_what_the_lora_knows_and_keeps_the_rest() -> None:
    card = written(SidecarFormat.A1111, {**CARD, "other": [1]}, weight=0.5, triggers=(Trigger("a"), Trigger("b")))
    assert card == {**CARD, "other": [1], "preferred weight": 0.5, "activation text": "a, b"}


def test_a_card_of_its_own_is_written_where_there_is_none() -> None:
    fields = {"description": "Ink", "base_model": "flux", "triggers": (Trigger("ink"),)}
    assert written(SidecarFormat.A1111, **fields) == {
        "preferred weight": 1.0,
        "description": "Ink",
        "activation text": "ink",
    }


def test_an_answer_of_civitai_is_written_as_far_as_it_is_known() -> None:
    fields = {"title": "Ink & wash", "base_model": "sdxl", "triggers": (Trigger("ink"),), "description": "a < b\nc"}
    assert written(SidecarFormat.CIVITAI_INFO, validation=VALID, **fields) == {
        "id": 1234567,
        "modelId": 765432,
        "trainedWords": ["ink"],
        "baseModel": "SDXL 1.0",
        "model": {"type": "LORA", "name": "Ink & wash", "description": "<p>a &lt; b<br>c</p>"},
        "files": [{"type": "Model", "primary": True, "hashes": {"SHA256": "AB" * 32, "AutoV3": "CD" * 6}}],
    }


def test_an_earlier_answer_keeps_what_it_says_besides_and_its_name_of_the_same_family() -> None:
    answer = written(SidecarFormat.CIVITAI_INFO, ANSWER, validation=VALID, base_model="sdxl", title="Ink")
    assert answer == {**ANSWER, "model": {**ANSWER["model"], "name": "Ink"}}


@pytest.mark.parametrize(
    "other", [{**ANSWER, "id": 7}, {**ANSWER, "files": [{"hashes": {"SHA256": "0" * 64}}]}], ids=["version", "file"]
)
def test_an_earlier_answer_about_something_else_is_dropped(other: object) -> None:
    answer = written(SidecarFormat.CIVITAI_INFO, other, validation=VALID)
    assert "images" not in answer
    assert (answer["id"], answer["files"][0]["hashes"]["SHA256"]) == (1234567, "AB" * 32)


def test_no_answer_is_made_up_for_a_lora_that_civitai_is_not_known_to_have() -> None:
    with pytest.raises(NothingToSay, match="validate it first"):
        write_sidecar(SidecarFormat.CIVITAI_INFO, lora())


def test_the_hashes_of_a_file_that_civitai_does_not_have_are_not_passed_off_as_its_own() -> None:
    mismatch = Validation(state=ValidationState.MISMATCH, model_id=1, version_id=2)
    assert "files" not in written(SidecarFormat.CIVITAI_INFO, validation=mismatch)


def test_a_record_of_comfyui_lora_manager_has_every_key_that_it_needs_to_be_read_there() -> None:
    assert written(SidecarFormat.LORA_MANAGER) == {
        "model_name": "ink",
        "modified": 1767312000.0,
        "size": 1000,
        "sha256": "ab" * 32,
        "base_model": "Unknown",
        "preview_url": "",
        "notes": "",
        "tags": [],
        "modelDescription": "",
        "favorite": False,
        "file_name": "ink",
        "file_path": "/loras/ink.safetensors",
        "usage_tips": '{"strength": 1.0}',
        "civitai": {},
        "from_civitai": False,
    }


def test_a_record_keeps_what_the_lora_does_not_know() -> None:
    record = written(SidecarFormat.LORA_MANAGER, {**RECORD, "usage_tips": '{"strength": 0.7, "clip_skip": 2}'})
    assert record == {**RECORD, "usage_tips": '{"strength": 1.0, "clip_skip": 2}'}


def test_the_users_description_goes_into_the_notes_and_any_other_is_the_models() -> None:
    mine = written(SidecarFormat.LORA_MANAGER, description="Ink", provenance={"description": Source.USER})
    assert (mine["notes"], mine["modelDescription"]) == ("Ink", "")
    theirs = written(SidecarFormat.LORA_MANAGER, description="Ink", provenance={"description": Source.CIVITAI})
    assert (theirs["notes"], theirs["modelDescription"]) == ("", "<p>Ink</p>")


def test_a_favorite_is_a_favorite_by_its_tag() -> None:
    assert written(SidecarFormat.LORA_MANAGER, tags=("favorite", "ink"))["favorite"] is True
    assert written(SidecarFormat.LORA_MANAGER, RECORD, tags=("ink",))["favorite"] is False


@pytest.mark.parametrize("sidecar_format", SidecarFormat)
@pytest.mark.parametrize("raw", [b"[1]", b"not JSON", b"\xff"])
def test_a_file_that_is_no_sidecar_is_not_written_over(sidecar_format: SidecarFormat, raw: bytes) -> None:
    with pytest.raises(NotASidecar, match=r"^the sidecar "):
        write_sidecar(sidecar_format, lora(validation=VALID), raw)


def test_what_cannot_be_written_again_is_not_written_over() -> None:
    depth = 5_000
    raw = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(NotASidecar, match="nested too deeply"):
        write_sidecar(SidecarFormat.A1111, lora(), raw)


def test_half_a_character_in_what_is_there_stays_there() -> None:
    raw = write_sidecar(SidecarFormat.A1111, lora(), b'{"other": "\\ud800"}')
    assert json.loads(raw)["other"] == "\ud800"
