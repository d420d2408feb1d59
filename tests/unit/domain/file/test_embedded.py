"""What a file's metadata says of itself, and that no text in it is ever an exception."""

import json
import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.file import Embedded, read_embedded, trigger_candidates
from lora_manager.domain.file.embedded import MAX_TRAINING_TAGS
from lora_manager.domain.file.metadata_values import MAX_TEXT

TEXTS = {
    "title": "modelspec.title",
    "description": "modelspec.description",
    "author": "modelspec.author",
    "date": "modelspec.date",
    "license": "modelspec.license",
    "usage_hint": "modelspec.usage_hint",
    "trigger_phrase": "modelspec.trigger_phrase",
    "architecture": "modelspec.architecture",
    "output_name": "ss_output_name",
    "training_comment": "ss_training_comment",
    "base_model_version": "ss_base_model_version",
    "sd_model_name": "ss_sd_model_name",
    "network_module": "ss_network_module",
    "resolution": "ss_resolution",
}


def tags(document: object) -> tuple[tuple[str, int], ...]:
    return read_embedded({"ss_tag_frequency": json.dumps(document)}).training_tags


def test_no_metadata_says_nothing() -> None:
    assert read_embedded({}) == Embedded()


@pytest.mark.parametrize(("field", "key"), TEXTS.items())
def test_each_text_is_read_from_its_key(field: str, key: str) -> None:
    assert getattr(read_embedded({key: " Ink Wash\n"}), field) == "Ink Wash"


@pytest.mark.parametrize(("field", "key"), TEXTS.items())
@pytest.mark.parametrize("nothing", ["", " \n", "None", "\0", "\ud800"])
def test_a_text_that_says_nothing_is_absent(field: str, key: str, nothing: str) -> None:
    assert getattr(read_embedded({key: nothing}), field) is None


def test_texts_are_cut_and_hold_only_what_can_be_stored() -> None:
    found = read_embedded({"modelspec.title": "墨\0\ud800" + "x" * 100_000}).title
    assert found == "墨" + "x" * (MAX_TEXT - 1)


def test_the_thumbnail_is_left_out() -> None:
    assert (
        read_embedded({"modelspec.thumbnail": "data:image/jpeg;base64,AAAA", "ssmd_cover_images": "[1]"}) == Embedded()
    )


def test_resolution_falls_back_on_modelspec() -> None:
    assert read_embedded({"modelspec.resolution": "512x512", "ss_resolution": "None"}).resolution == "512x512"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("16", 16), ("16.0", 16), ("-1", -1), (str(2**31 - 1), 2**31 - 1)),
        *((text, None) for text in ("Dynamic", "None", "", "1.5", "nan", "inf", "1e300", "9" * 100_000, str(2**31))),
    ],
    ids=range(13),
)
def test_whole_numbers_are_read_or_absent(text: str, number: int | None) -> None:
    found = read_embedded({"ss_network_dim": text, "ss_clip_skip": text})
    assert (found.network_dim, found.clip_skip) == (number, number)


@pytest.mark.parametrize(
    ("text", "number"), [("0.5", 0.5), ("8", 8.0), ("Dynamic", None), ("-inf", None), ("1e999", None)]
)
def test_alpha_is_a_finite_number_or_absent(text: str, number: float | None) -> None:
    assert read_embedded({"ss_network_alpha": text}).network_alpha == number


@pytest.mark.parametrize(
    ("arguments", "algo"),
    [
        ('{"algo": "lokr"}', "lokr"),
        ("{}", None),
        ('{"algo": 1}', None),
        ("[]", None),
        ("None", None),
        ("[" * 100_000, None),
    ],
    ids=range(6),
)
def test_the_algorithm_comes_from_the_training_arguments(arguments: str, algo: str | None) -> None:
    assert read_embedded({"ss_network_args": arguments}).algo == algo


@pytest.mark.parametrize(
    ("metadata", "model_hash"),
    [
        ({"sshs_model_hash": "A" * 64}, "a" * 64),
        ({"modelspec.hash_sha256": "0x" + "B" * 64}, "b" * 64),
        ({"sshs_model_hash": "a" * 64, "modelspec.hash_sha256": "0x" + "b" * 64}, "a" * 64),
        ({"sshs_model_hash": "e3b0c44298fc", "modelspec.hash_sha256": "b" * 12}, "b" * 12),
        ({"sshs_model_hash": "NOFILE"}, None),
        ({"sshs_model_hash": "a" * 65}, None),
    ],
    ids=range(6),
)
def test_the_model_hash_is_lower_case_hexadecimal_or_absent(metadata: dict[str, str], model_hash: str | None) -> None:
    assert read_embedded(metadata).model_hash == model_hash


def test_training_tags_are_summed_over_all_folders_commonest_first() -> None:
    folders = {"10_a": {"ink": 3, "sea": 2, "boat": 5}, "1_b": {"ink": 3, "air": 2}}
    assert tags(folders) == (("ink", 6), ("boat", 5), ("air", 2), ("sea", 2))


def test_only_the_commonest_training_tags_are_kept() -> None:
    found = tags({"img": {f"tag {n:03}": n for n in range(1, 200)}})
    assert len(found) == MAX_TRAINING_TAGS
    assert found[0] == ("tag 199", 199)


def test_odd_tag_counts_are_passed_over() -> None:
    odd = {"a": True, "b": -1, "c": 1.5, "d": "7", "e": None, "f": 10**30, "g": 0, "": 4, "\ud800": 4, " h\0 ": 1}
    assert tags({"img": odd, "list": [1], "text": "x"}) == (("h", 1),)


@pytest.mark.parametrize("document", [[], "x", None, 1, {"a": []}])
def test_tag_frequencies_of_another_form_give_no_tags(document: object) -> None:
    assert tags(document) == ()


def test_trigger_candidates_are_the_authors_phrases_once_each_and_in_order() -> None:
    metadata = {
        "modelspec.trigger_phrase": " ink wash, sumi-e,,ink wash , 墨 ",
        "ss_tag_frequency": '{"img": {"river": 9}}',
    }
    assert trigger_candidates(read_embedded(metadata)) == ("ink wash", "sumi-e", "墨")
    assert trigger_candidates(Embedded()) == ()


KEYS = [
    *(*TEXTS.values(), "ss_clip_skip", "ss_network_dim", "ss_network_alpha", "ss_network_args", "ss_tag_frequency"),
    *("sshs_model_hash", "modelspec.hash_sha256", "modelspec.resolution"),
]
characters = st.characters(codec=None, exclude_categories=())
json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(characters),
    lambda values: st.lists(values) | st.dictionaries(st.text(characters), values),
    max_leaves=10,
)
odd_texts = st.text(characters) | json_values.map(json.dumps) | st.integers().map(str) | st.floats().map(str)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(characters), odd_texts))
def test_no_metadata_raises_and_all_of_it_can_be_stored(metadata: Mapping[str, str]) -> None:
    found = read_embedded(metadata)
    texts = [
        *(getattr(found, field) for field in (*TEXTS, "algo", "model_hash")),
        *(tag for tag, _ in found.training_tags),
    ]
    for text in filter(None, texts):
        assert len(text.encode()) > 0
        assert len(text) <= MAX_TEXT
        assert "\0" not in text
    assert found.network_alpha is None or math.isfinite(found.network_alpha)
    assert all(trigger_candidates(found))
