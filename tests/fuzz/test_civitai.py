"""Whatever CivitAI, or what stands in its place, answers: it reads as something, or as nothing."""

import json
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.outbound.answers import parsed
from lora_manager.domain.civitai.base_models import family_of
from lora_manager.domain.civitai.preview import choose_preview, is_web_url
from lora_manager.domain.civitai.triggers import read_triggers
from lora_manager.domain.civitai.version import read_version
from lora_manager.domain.fields import check_text, check_triggers, check_url
from tests.fuzz.bounds import fuzz, require_linear, require_memory
from tests.fuzz.hostile import distorted, json_bytes, json_values, mutated, texts
from tests.unit.domain.sidecar.examples import ANSWER

RAW = [json.dumps(ANSWER).encode(), json.dumps([ANSWER, None]).encode(), b"<html>Just a moment...</html>"]
URL = "https://image.civitai.com/x/original=true/1.jpeg"


def read(raw: bytes) -> object:
    """What is kept of an answer."""
    content = parsed(raw)
    versions = map(read_version, content if isinstance(content, list) else [content])
    return [(version.facts(), version.page_url("https://civitai.com")) for version in versions if version]


@fuzz
@given(
    json_bytes(distorted(ANSWER, [ANSWER, None])) | mutated(RAW) | json_bytes(json_values()) | st.binary(max_size=50)
)
def test_any_answer_is_read(raw: bytes) -> None:
    repr(read(raw)).encode()


@fuzz
@given(distorted(ANSWER))
def test_what_is_taken_over_from_any_answer_a_lora_can_hold(answer: object) -> None:
    version = read_version(answer)
    if version is None:
        return
    facts = version.facts()
    for name in ("title", "base_model", "preview_url"):
        assert not any(check_text(name, str(facts[name]) if name in facts else None))
    assert not any(check_url(facts.get("preview_url")))
    assert not any(check_triggers(facts.get("triggers", ())))
    for file in version.files:
        assert all(8 <= len(value) <= 64 for value in file.hashes.values())


@fuzz
@given(texts() | st.builds("https://{}/{}".format, texts(), texts()), json_values())
def test_any_address_name_and_word_is_looked_at(text: str, value: object) -> None:
    family_of(text)
    choose_preview([{"url": text, "nsfwLevel": value, "nsfw": value, "type": value}])
    read_triggers([text, value])
    if is_web_url(text):
        assert len(text) <= 2_048


def _answer(**changes: object) -> bytes:
    return json.dumps({**ANSWER, **changes}).encode()


# Answers by what there is much of in them.
SWOLLEN: dict[str, Callable[[int], bytes]] = {
    "versions": lambda n: json.dumps([ANSWER] * n).encode(),
    "words": lambda n: _answer(trainedWords=[f"word {number}, other" for number in range(n)]),
    "one word": lambda n: _answer(trainedWords=["(a, " * n]),
    "tags in a word": lambda n: _answer(trainedWords=["<lora:" * n]),
    "images": lambda n: _answer(images=[{"url": URL}] * n),
    "address": lambda n: _answer(images=[{"url": "http://" + "\u0315\u0316" * n}]),
    "path": lambda n: _answer(images=[{"url": URL + "/original=true" * n}]),
    "files": lambda n: _answer(files=[{"hashes": {"SHA256": "ab" * 32}}] * n),
    "hashes": lambda n: _answer(files=[{"hashes": {str(number): "ab" * 32 for number in range(n)}}]),
    "title": lambda n: _answer(model={"name": "a\0 " * n}),
    "base model": lambda n: _answer(baseModel="\u0315SD" * n),
    "brackets": lambda n: b"[" * n,
}


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_answer_takes_no_more_than_twice_the_work(shape: str) -> None:
    require_linear(lambda size: partial(read, SWOLLEN[shape](size)), 300)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_an_answer_takes_memory_in_proportion_to_its_size(shape: str) -> None:
    raw = SWOLLEN[shape](300)
    require_memory(partial(read, raw), len(raw), 60)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_half_a_megabyte_of_answer_is_read(shape: str) -> None:
    raw = SWOLLEN[shape](2_000)
    read(SWOLLEN[shape](2_000 * max(500_000 // len(raw), 1)))  # in quadratic time this would take minutes
