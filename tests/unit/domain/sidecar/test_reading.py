"""What is taken in from the sidecars of other tools."""

from typing import Any

import pytest

from lora_manager.domain.sidecar import MAX_BYTES, NOTHING, read_sidecars
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from tests.unit.domain.sidecar.examples import ANSWER, CARD, HASHES, RECORD, told

VALID = Validation(
    state=ValidationState.VALID,
    model_id=765432,
    version_id=1234567,
    page_url="https://civitai.com/models/765432?modelVersionId=1234567",
)


def test_nothing_is_said_where_there_is_nothing() -> None:
    assert read_sidecars({}, HASHES) == NOTHING


def test_what_was_typed_into_a_card_of_automatic1111_is_the_users() -> None:
    said = told(_json=CARD)
    assert said.user == {
        "description": "Ink on wet paper",
        "base_model": "sdxl",
        "triggers": (Trigger("ink wash"), Trigger("harbour")),
        "weight": 0.8,
    }
    assert (said.civitai, said.validation, said.problems) == ({}, None, ())


def test_an_empty_card_says_nothing() -> None:
    empty = {"description": "", "sd version": "Unknown", "activation text": " ", "preferred weight": 0.0, "notes": ""}
    assert told(_json=empty) == NOTHING


def test_notes_are_the_description_where_a_card_has_no_other() -> None:
    assert told(_json={"description": "", "notes": "Not too strong"}).user == {"description": "Not too strong"}


def test_an_answer_of_civitai_about_this_file_is_a_verdict_with_facts() -> None:
    said = told(_civitai_info=ANSWER)
    assert said.civitai == {
        "title": "Ink Wash",
        "triggers": (Trigger("inkwash style"),),
        "base_model": "sdxl",
        "preview_url": "https://image.civitai.com/x/width=450,optimized=true/1.jpeg",
        "description": "First version",
    }
    assert (said.user, said.validation, said.problems) == ({}, VALID, ())


def test_the_models_description_counts_before_the_versions() -> None:
    model = {"name": "Ink Wash", "description": "<p>All <i>ink</i></p>"}
    assert told(_civitai_info={**ANSWER, "model": model}).civitai["description"] == "All ink"


def test_an_answer_without_hashes_gives_facts_and_no_verdict() -> None:
    said = told(_civitai_info={**ANSWER, "files": []})
    assert (said.civitai["title"], said.validation, said.problems) == ("Ink Wash", None, ())


def test_an_answer_about_a_file_of_the_same_tensors_gives_facts_and_no_verdict() -> None:
    said = told(_civitai_info={**ANSWER, "files": [{"hashes": {"SHA256": "0" * 64, "AutoV3": "CD" * 6}}]})
    assert (said.civitai["title"], said.validation, said.problems) == ("Ink Wash", None, ())


def test_an_answer_about_another_file_is_left_out() -> None:
    said = told(_civitai_info={**ANSWER, "files": [{"hashes": {"SHA256": "0" * 64}}]})
    assert (said.user, said.civitai, said.validation) == ({}, {}, None)
    assert said.problems == (
        "ink.civitai.info: 'files' was left out: CivitAI's answer is about another file than this one",
    )


def test_the_empty_answer_that_civitai_helper_leaves_says_nothing() -> None:
    assert told(_civitai_info={}) == NOTHING


def test_a_record_of_comfyui_lora_manager_tells_the_users_from_civitais() -> None:
    said = told(_metadata_json=RECORD)
    assert said.user == {
        "description": "Best below 0.9",
        "weight": 0.7,
        "te_weight": 0.5,
        "tags": ("style", "ink", "favorite"),
    }
    assert said.civitai["title"] == "Ink Wash"
    assert said.civitai["description"] == "Ink & water"
    assert (said.validation, said.problems) == (VALID, ())


def test_what_differs_from_civitais_answer_in_a_record_is_the_users() -> None:
    said = told(_metadata_json={**RECORD, "model_name": "My ink", "base_model": "Flux.1 D"})
    assert (said.user["title"], said.user["base_model"]) == ("My ink", "flux")


def test_the_file_name_and_an_unknown_base_model_in_a_record_say_nothing() -> None:
    assert told(_metadata_json={"file_name": "ink", "model_name": "ink", "base_model": "Unknown"}) == NOTHING


@pytest.mark.parametrize("file_name", [["ink"], {"ink": 1}, None, 3])
def test_a_file_name_that_is_none_is_no_reason_to_stop(file_name: object) -> None:
    said = told(_metadata_json={"file_name": file_name, "model_name": "My ink"})
    assert said.user == {"title": "My ink"}


def test_triggers_that_stand_in_a_record_without_civitais_answer_are_the_users() -> None:
    said = told(_metadata_json={"civitai": {"trainedWords": ["ink wash"]}})
    assert (said.user, said.civitai) == ({"triggers": (Trigger("ink wash"),)}, {})


def test_a_weight_of_zero_in_the_usage_tips_is_zero() -> None:
    assert told(_metadata_json={"usage_tips": '{"strength": 0}'}).user == {"weight": 0.0}


def test_of_several_sidecars_the_first_that_speaks_counts_and_all_problems_are_told() -> None:
    said = told(
        _json={**CARD, "notes": 1},
        _civitai_info={**ANSWER, "model": {"name": "Other"}},
        _metadata_json={"notes": "Mine", "tags": 1},
    )
    assert said.user == {
        "description": "Mine",
        "base_model": "sdxl",
        "triggers": (Trigger("ink wash"), Trigger("harbour")),
        "weight": 0.8,
    }
    assert said.civitai["title"] == "Other"
    assert said.problems == (
        "ink.metadata.json: 'tags' was left out: must be a list of texts",
        "ink.json: 'notes' was left out: must be a text",
    )


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("preferred weight", "0.8", "must be a number"),
        ("preferred weight", True, "must be a number"),
        ("preferred weight", float("nan"), "must be a finite number from -100 to 100"),
        ("preferred weight", 10**400, "must be a finite number from -100 to 100"),
        ("description", "x" * 100_001, "must have at most 100000 characters, has 100001"),
        ("description", "\0", "must not contain NUL characters or unpaired surrogates"),
        ("notes", "\ud800", "must not contain NUL characters or unpaired surrogates"),
        ("activation text", 7, "must be a list of texts"),
    ],
)
def test_a_value_that_no_lora_can_hold_is_left_out_and_named(key: str, value: Any, problem: str) -> None:  # noqa: ANN401  # JSON is anything
    said = told(_json={"sd version": "SD1", key: value})
    assert said.user == {"base_model": "sd1"}
    assert said.problems == (f"ink.json: '{key}' was left out: {problem}",)


def test_words_that_no_lora_can_hold_are_left_out_and_counted() -> None:
    words = [*(f"tag {number}" for number in range(102)), "x" * 101, 7]
    said = told(_metadata_json={"tags": words, "civitai": {"trainedWords": ["ink", "y" * 1001]}})
    assert said.user == {"tags": tuple(f"tag {number}" for number in range(100)), "triggers": (Trigger("ink"),)}
    assert said.problems == (
        "ink.metadata.json: 1 of 'tags' were left out: they are no texts",
        "ink.metadata.json: 3 of 'tags' were left out: they cannot be tags of a LoRA",
        "ink.metadata.json: 1 of 'trainedWords' were left out: they cannot be triggers of a LoRA",
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "is no JSON: Expecting value in line 1"),
        (b"{", "is no JSON: Expecting property name enclosed in double quotes in line 1"),
        (b"[]", "holds no JSON object"),
        (b"\xff{}", "is not in UTF-8"),
        (b'{"a": ' + b"[" * 100_000, "is nested too deeply"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "holds a number of too many digits"),
        (b" " * MAX_BYTES + b"{}", "is larger than the 4,194,304 bytes that are read of a sidecar"),
    ],
)
def test_a_file_that_is_no_sidecar_is_named_and_the_others_are_read(raw: bytes, problem: str) -> None:
    said = read_sidecars({"ink.json": raw, "ink.metadata.json": b'{"notes": "kept"}'}, HASHES)
    assert said.user == {"description": "kept"}
    assert said.problems == (f"ink.json was not read: it {problem}",)


def test_the_mark_that_some_editors_begin_a_file_with_is_no_problem() -> None:
    assert read_sidecars({"INK.JSON": b'\xef\xbb\xbf{"notes": "kept"}'}, HASHES).user == {"description": "kept"}
