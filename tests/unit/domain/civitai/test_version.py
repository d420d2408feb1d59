"""Reading what CivitAI says of a model version."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_manager.domain.civitai.version import CivitaiVersion, read_version
from lora_manager.domain.fields import MAX_TRIGGERS
from lora_manager.domain.lora import Lora
from lora_manager.domain.provenance import Source
from lora_manager.domain.trigger import Trigger
from tests.contract.examples import LATER, a_lora
from tests.standins.civitai import a_version, an_image

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
known_keys = st.sampled_from([
    *("id", "modelId", "name", "model", "trainedWords", "baseModel", "images", "url", "nsfwLevel", "nsfw", "type"),
    *("files", "hashes", "SHA256"),
])  # fmt: skip
nearly_versions = st.recursive(
    json_values | st.sampled_from(["https://image.civitai.com/original=true/1.jpeg", "a, (b", "Pony", "x" * 1_001]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(known_keys, inner, max_size=9),
    max_leaves=30,
)


def read(**fields: Any) -> CivitaiVersion:  # noqa: ANN401  # whatever an answer may hold
    version = read_version(a_version("a" * 64, **fields))
    assert version is not None
    return version


def texts(version: CivitaiVersion) -> list[str]:
    return [trigger.text for trigger in version.triggers]


def test_everything_that_is_of_use_is_read() -> None:
    version = read_version(a_version("A" * 64))

    assert version is not None
    assert (version.version_id, version.model_id) == (1_234_567, 765_432)
    assert (version.title, version.version_name) == ("Ink Wash", "v1.0")
    assert (version.base_model, version.base_model_name) == ("sdxl", "Illustrious")
    assert version.triggers == (Trigger("inkwash style"),)
    assert version.preview_url == "https://image.civitai.com/token/uuid/width=450,optimized=true/1.jpeg"
    [file] = version.files
    assert file.name == "inkwash_v1.safetensors"
    assert (file.hashes["sha256"], file.hashes["autov3"]) == ("a" * 64, "a" * 12)
    assert file.warnings == ()
    assert version.facts() == {
        "title": "Ink Wash",
        "triggers": (Trigger("inkwash style"),),
        "base_model": "sdxl",
        "preview_url": version.preview_url,
    }


@given(json_values | nearly_versions)
@example({"files": [{"hashes": {"SHA256": "z"}}, None], "images": [{"url": "http://[", "nsfwLevel": "PG"}]})
@example({"trainedWords": ["((((" * 9, ")" * 9, "\ud800", "\x00"]})
def test_no_json_raises_and_a_lora_takes_every_fact(value: object) -> None:
    version = read_version(value)

    if version is not None:
        a_lora().learn(Source.CIVITAI, now=LATER, **version.facts())
        version.page_url("https://civitai.com")


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, {"error": "Model not found"}, {"model": None, "files": []}])
def test_what_describes_no_version_is_none(value: object) -> None:
    assert read_version(value) is None


def test_a_version_with_parts_left_out_gives_the_rest() -> None:
    version = read_version({"id": 5, "trainedWords": None, "images": None, "files": None, "model": None})

    assert version == CivitaiVersion(version_id=5)
    assert version is not None
    assert version.facts() == {}


def test_a_fact_that_breaks_a_limit_is_left_out_and_the_rest_stays() -> None:
    version = read(
        model={"name": "n" * 1_001},
        trainedWords=["w" * 1_001, "ink"],
        baseModel="Sora 2",
        images=[an_image("ftp://host/1.jpeg")],
    )

    assert version.facts() == {"triggers": (Trigger("ink"),)}


def test_of_too_many_triggers_the_first_are_kept() -> None:
    version = read(trainedWords=[f"word {number}" for number in range(MAX_TRIGGERS + 1)])

    assert len(version.facts()["triggers"]) == MAX_TRIGGERS


@pytest.mark.parametrize(
    ("entries", "triggers"),
    [
        (["ink wash", " harbour "], ["ink wash", "harbour"]),
        (["ink wash, harbour,, ", "night"], ["ink wash", "harbour", "night"]),
        (["ink, red", "INK, blue"], ["ink", "red", "blue"]),
        (["(red dress, hat:1.2), ink"], ["(red dress, hat:1.2)", "ink"]),
        ([r"artist \(ink, wash\), night"], [r"artist \(ink, wash\)", "night"]),
        (["(open, ink"], ["(open", "ink"]),
        (["ink\n  wash", "", " ", ","], ["ink wash"]),
        (["ink <lora:ink_v2:0.8>", "<LORA:x:1>"], ["ink"]),
        ("ink, wash", ["ink", "wash"]),
        ([None, 5, ["ink"], "wash"], ["wash"]),
        (["ink," * 10_000 + "too far"], ["ink"]),
    ],
)
def test_trained_words_are_the_words_between_commas_each_once(entries: object, triggers: list[str]) -> None:
    assert texts(read(trainedWords=entries)) == triggers


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ([("a", 4), ("b", 1), ("c", 1)], "b"),
        ([("a", 0), ("b", 16)], "b"),
        ([("a", None), ("b", 0)], "a"),
    ],
)
def test_the_mildest_image_is_the_preview_and_of_equals_the_first(
    images: list[tuple[str, int | None]], chosen: str
) -> None:
    version = read(images=[an_image(f"https://host/{name}.png", nsfwLevel=level) for name, level in images])

    assert version.preview_url == f"https://host/{chosen}.png"


def test_older_answers_rate_with_a_word() -> None:
    words = {"X": "a", "Soft": "b", "None": "c"}
    images = [{"url": f"https://host/{name}.png", "nsfw": word} for word, name in words.items()]

    assert read(images=images).preview_url == "https://host/c.png"


def test_a_video_is_the_preview_only_where_there_is_no_image() -> None:
    video = an_image("https://host/original=true/1.mp4", type="video", nsfwLevel=1)
    unnamed = {"url": "https://host/2.MP4?x=1", "nsfwLevel": 1}

    assert read(images=[video]).preview_url == "https://host/transcode=true,width=450,optimized=true/1.mp4"
    assert (
        read(images=[video, unnamed, an_image("https://host/3.png", nsfwLevel=16)]).preview_url == "https://host/3.png"
    )


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "https://", "http://[", "", None, 7])
def test_only_web_addresses_are_previews(url: object) -> None:
    assert read(images=[{"url": url, "nsfwLevel": 1}]).preview_url is None


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**70, True, 1.5, "5", None])
def test_what_is_no_number_of_a_version_is_none(number: object) -> None:
    version = read(id=number)

    assert version.version_id is None
    assert version.page_url("https://civitai.com/") == "https://civitai.com/models/765432"


def test_the_page_shows_this_version_and_is_unknown_without_the_model() -> None:
    assert read().page_url("https://civitai.red") == "https://civitai.red/models/765432?modelVersionId=1234567"
    assert CivitaiVersion(version_id=5).page_url("https://civitai.com") is None


def test_a_files_warnings_name_every_scan_that_is_not_clean() -> None:
    entry = {"virusScanResult": "Danger", "pickleScanResult": "Pending"}

    assert read(files=[entry]).files[0].warnings == ("virus scan: Danger", "pickle scan: Pending")


def test_a_file_is_found_by_any_of_its_hashes() -> None:
    version = read()

    assert version.file_with("autov3", "a" * 12) == version.files[0]
    assert version.file_with("autov3", "b" * 12) is None


def test_only_hexadecimal_hashes_are_kept() -> None:
    hashes = {"SHA256": "none", "AutoV3": "AABBCCDDEEFF", "CRC32": 7, "AutoV1": ""}

    assert read(files=[{"hashes": hashes}]).files[0].hashes == {"autov3": "aabbccddeeff"}


def test_facts_yield_to_what_a_user_has_set() -> None:
    lora, _ = a_lora().revise(now=LATER, title="Mine")

    learned: Lora = lora.learn(Source.CIVITAI, now=LATER, **read().facts())[0]

    assert (learned.title, learned.base_model) == ("Mine", "sdxl")
