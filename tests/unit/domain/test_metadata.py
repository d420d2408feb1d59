"""The metadata document: what is in it, what never is, and how its revision is read back."""

import json
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lora_manager.domain.fields import check_text
from lora_manager.domain.lora import Lora
from lora_manager.domain.metadata import metadata_document, revision_of
from lora_manager.domain.trigger import Trigger, TriggerStatus
from lora_manager.testing import strategies
from tests.contract.examples import LATER, a_lora, a_record

ALWAYS = ["id", "name", "file_path", "sha256", "size_bytes", "tags", "created_at", "preview_url"]
PREVIEW = "https://example.com/墨.png"


def long_texts(field: str) -> SearchStrategy[str | None]:
    """What may stand in a field of running text, control characters among it."""
    return st.none() | st.text(max_size=50).filter(lambda text: not list(check_text(field, text)))


def loras() -> SearchStrategy[Lora]:
    """LoRAs with something in every field."""
    return st.builds(
        replace,
        strategies.loras(),
        title=long_texts("title"),
        description=long_texts("description"),
        preview_url=st.sampled_from([None, PREVIEW]),
        archetype=st.sampled_from([None, "style", "墨"]),
        archetype_confidence=st.none() | st.floats(0, 1),
        revision=st.integers(1, 2**53 - 1),
    )


def read(document: bytes) -> dict[str, Any]:
    facts = json.loads(document.decode("utf-8", "strict"))
    assert isinstance(facts, dict)
    return facts


def test_a_document_tells_what_is_known_of_a_lora() -> None:
    lora = a_lora(
        name="墨 ink",
        version="v2",
        title="Ink",
        description="drawn\nwith a brush",
        tags=("style:ink", "nsfw"),
        triggers=(Trigger("ink wash"), Trigger("paper", "day", TriggerStatus.OPTIONAL)),
        base_model="sdxl",
        weight=0.75,
        te_weight=0.5,
        active=True,
        ordinal=3,
        archetype="style",
        archetype_confidence=0.9,
        preview_url=PREVIEW,
        file=a_record("a"),
        updated_at=LATER,
        revision=7,
    )
    expected = {
        "id": str(lora.id),
        "name": "墨 ink",
        "file_path": f"/loras/{lora.id}.safetensors",
        "sha256": "a" * 64,
        "size_bytes": 1_000,
        "tags": ["style:ink", "nsfw"],
        "created_at": "2026-01-02T03:04:05.678901Z",
        "preview_url": PREVIEW,
        "version": "v2",
        "title": "Ink",
        "description": "drawn\nwith a brush",
        "triggers": [
            {"text": "ink wash", "group": None, "status": "required"},
            {"text": "paper", "group": "day", "status": "optional"},
        ],
        "base_model": "sdxl",
        "weight": 0.75,
        "te_weight": 0.5,
        "active": True,
        "ordinal": 3,
        "archetype": "style",
        "archetype_confidence": 0.9,
        "hashes": {
            "sha256": "a" * 64,
            "autov1": "a" * 8,
            "autov2": "a" * 10,
            "autov3": "a" * 12,
            "crc32": None,
            "blake3": None,
        },
        "updated_at": "2026-01-02T03:04:06.678901Z",
        "revision": 7,
    }
    document = metadata_document(lora)
    assert document == json.dumps(expected, ensure_ascii=False, indent=2).encode() + b"\n"


def test_of_a_lora_whose_file_nobody_looked_at_the_keys_are_there_and_null() -> None:
    facts = read(metadata_document(a_lora()))
    assert [facts[key] for key in ("sha256", "size_bytes", "preview_url", "hashes")] == [None] * 4


@given(loras())
def test_the_eight_keys_are_always_there_and_first_and_say_what_the_lora_says(lora: Lora) -> None:
    facts = read(metadata_document(lora))
    assert list(facts)[: len(ALWAYS)] == ALWAYS
    assert (facts["id"], facts["name"], facts["file_path"]) == (str(lora.id), lora.name, lora.file_path)
    assert (facts["sha256"], facts["size_bytes"]) == (lora.sha256, lora.size_bytes)
    assert (facts["tags"], facts["preview_url"]) == (list(lora.tags), lora.preview_url)


@given(loras())
def test_every_lora_has_a_document_with_the_same_keys_that_any_json_reader_takes(lora: Lora) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    facts = json.loads(metadata_document(lora).decode("utf-8", "strict"), parse_constant=refuse)
    assert facts.keys() == read(metadata_document(a_lora())).keys()
    assert (facts["title"], facts["description"]) == (lora.title, lora.description)
    assert (facts["weight"], facts["te_weight"]) == (lora.weight, lora.te_weight)


@given(loras())
def test_equal_loras_have_the_same_document_byte_for_byte(lora: Lora) -> None:
    assert metadata_document(deepcopy(lora)) == metadata_document(lora)


@given(loras(), loras())
def test_loras_that_differ_in_what_is_published_have_other_documents(one: Lora, other: Lora) -> None:
    renamed = replace(one, name=other.name, tags=other.tags, revision=other.revision)
    is_same = (one.name, one.tags, one.revision) == (other.name, other.tags, other.revision)
    assert (metadata_document(renamed) == metadata_document(one)) is is_same


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"weight": 1, "te_weight": 0}, {"weight": 1.0, "te_weight": -0.0}),
        ({"archetype_confidence": 1}, {"archetype_confidence": 1.0}),
        ({"archetype_confidence": 0}, {"archetype_confidence": -0.0}),
        ({}, {"created_at": LATER.astimezone(timezone(timedelta(0), "GMT"))}),
        ({"tags": ("ink", "paper")}, {"tags": (" ink", "ink", "paper", "")}),
    ],
)
def test_what_is_equal_is_written_alike(one: dict[str, Any], same: dict[str, Any]) -> None:
    lora = a_lora(created_at=LATER, **one)
    assert metadata_document(replace(lora, **same)) == metadata_document(lora)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:secret@example.com/ink.png",
        "https://secret@example.com/ink.png",
        "https://bucket.s3.amazonaws.com/ink.png?X-Amz-Credential=secret&X-Amz-Signature=secret",
        "https://bucket.s3.amazonaws.com/ink.png?X-Amz-Security-Token=secret",
        "https://bucket.s3.amazonaws.com/ink.png?AWSAccessKeyId=id&Signature=secret&Expires=1",
        "https://storage.googleapis.com/bucket/ink.png?X-Goog-Signature=secret",
        "https://account.blob.core.windows.net/ink.png?sv=2024-05-04&sig=secret",
        "https://example.com/ink.png?token=secret",
        "https://example.com/ink.png?width=450&api_key=secret",
    ],
)
def test_an_address_that_gives_access_is_not_published(url: str) -> None:
    document = metadata_document(a_lora(preview_url=url))
    assert read(document)["preview_url"] is None
    assert b"secret" not in document


@pytest.mark.parametrize(
    "url", ["https://example.com/ink.png", "https://example.com/ink.png?width=450", "http://[::1]:8000/a@b.png"]
)
def test_an_address_that_anybody_may_know_is_published_as_it_is(url: str) -> None:
    assert read(metadata_document(a_lora(preview_url=url)))["preview_url"] == url


@given(loras())
def test_a_document_tells_of_which_revision_it_is(lora: Lora) -> None:
    assert revision_of(metadata_document(lora)) == lora.revision


@given(st.binary() | st.text().map(str.encode) | st.integers().map(lambda number: b'{"revision": %d}' % number))
def test_any_bytes_are_a_document_with_a_revision_or_none(content: bytes) -> None:
    revision = revision_of(content)
    assert revision is None or (revision >= 1 and json.loads(content)["revision"] == revision)


@given(loras(), st.data())
def test_a_part_of_a_document_is_none(lora: Lora, data: st.DataObject) -> None:
    document = metadata_document(lora).rstrip()
    assert revision_of(document[: data.draw(st.integers(0, len(document) - 1))]) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"7",
        b'"revision"',
        b'["revision", 7]',
        b"{}",
        b'{"revision": null}',
        b'{"revision": "7"}',
        b'{"revision": 7.0}',
        b'{"revision": true}',
        b'{"revision": 0}',
        b'{"revision": -7}',
        b'{"revision": NaN}',
        b'{"revision": 1' + b"0" * 5_000 + b"}",
        b'{"revision": 7} and more',
        b'{"revision": 7, "name": "\xff"}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_others_have_put_there_is_no_document(content: bytes) -> None:
    assert revision_of(content) is None
