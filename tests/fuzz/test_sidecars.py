"""Whatever lies beside a LoRA's file: it says something that a LoRA can hold, or is named as a problem."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.lora import Lora
from lora_manager.domain.sidecar import (
    MAX_BYTES,
    SUFFIXES,
    NotASidecar,
    NothingToSay,
    SidecarFormat,
    Told,
    is_preview,
    read_sidecars,
    stem_of_companion,
    write_sidecar,
)
from lora_manager.domain.sidecar.fill import fill
from lora_manager.domain.sidecar.plain_text import plain_text
from lora_manager.domain.validation import Validation, ValidationState
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import TEXTS, distorted, json_bytes, json_values, mutated, texts
from tests.unit.domain.sidecar.examples import ANSWER, CARD, HASHES, RECORD

NOW = datetime(2026, 1, 2, tzinfo=UTC)
GENUINE = [CARD, ANSWER, RECORD]
RAW = [json.dumps(document).encode() for document in GENUINE]
LORA = Lora(
    id=UUID(int=0),
    name="ink",
    file_path="/loras/ink.safetensors",
    created_at=NOW,
    updated_at=NOW,
    title="Ink",
    description="Ink & water",
    tags=("ink",),
    te_weight=0.5,
    validation=Validation(state=ValidationState.VALID, model_id=1, version_id=2),
)
FORMATS = pytest.mark.parametrize("kind", SidecarFormat)


def any_sidecar() -> st.SearchStrategy[bytes]:
    """Genuine sidecars with some of their values changed, damaged ones, any JSON, any bytes."""
    return json_bytes(distorted(*GENUINE)) | mutated(RAW) | json_bytes(json_values()) | st.binary(max_size=50)


def read(kind: SidecarFormat, raw: bytes) -> Told:
    return read_sidecars({f"ink{kind.suffix}": raw}, HASHES)


@FORMATS
@fuzz
@given(raw=any_sidecar())
def test_what_any_sidecar_says_a_lora_can_hold(kind: SidecarFormat, raw: bytes) -> None:
    told = read(kind, raw)
    filled, _ = fill(replace(LORA, title=None, description=None), told, now=NOW)  # which checks every field
    repr(filled).encode()
    "".join(told.problems).encode()


@FORMATS
@fuzz
@given(raw=any_sidecar())
def test_any_sidecar_can_be_written_over_or_is_refused(kind: SidecarFormat, raw: bytes) -> None:
    written = outcome(partial(write_sidecar, kind, LORA, raw), NotASidecar, NothingToSay)
    if isinstance(written, bytes):
        assert read(kind, written).problems == read(kind, write_sidecar(kind, LORA, written)).problems


@fuzz
@given(texts() | st.builds("{}{}".format, texts(), st.sampled_from((*SUFFIXES, "JSON", ".İjson", ".PNG"))))
def test_any_file_name_is_a_companions_or_not(name: str) -> None:
    found = stem_of_companion(name)
    is_preview(name)
    if found is not None:
        assert found[0]
        assert name == found[0] + name[len(found[0]) :]
        assert found[1] in SUFFIXES


@fuzz
@given(
    st.lists(st.sampled_from([*TEXTS, "<p>", "</p>", "<br/>", "-->", "&amp;", ">"]), max_size=8).map("".join) | texts()
)
def test_any_markup_gives_a_text(markup: str) -> None:
    text = plain_text(markup)
    assert text == text.strip()


@pytest.mark.parametrize("number", ["9" * 5_000, "0" * 5_000 + "65", "9" * 1_000_000])
def test_a_character_by_an_endless_number_is_no_character(number: str) -> None:
    assert plain_text(f"<p>a&#{number};b</p>") == "a\ufffdb"


def _in_card(key: str, value: object) -> str:
    return json.dumps({**CARD, key: value})


# Sidecars by what there is much of in them.
SWOLLEN: dict[str, tuple[SidecarFormat, Callable[[int], str]]] = {
    "brackets": (SidecarFormat.A1111, lambda n: '{"a": ' + "[" * n),
    "digits": (SidecarFormat.A1111, lambda n: '{"preferred weight": ' + "9" * n + "}"),
    "keys": (SidecarFormat.A1111, lambda n: json.dumps({str(number): [] for number in range(n)})),
    "words": (SidecarFormat.A1111, lambda n: _in_card("activation text", "a, (b " * n)),
    "parentheses": (SidecarFormat.A1111, lambda n: _in_card("activation text", "(" * n)),
    "triggers": (
        SidecarFormat.CIVITAI_INFO,
        lambda n: json.dumps({**ANSWER, "trainedWords": [f"w{k}" for k in range(n)]}),
    ),
    "files": (SidecarFormat.CIVITAI_INFO, lambda n: json.dumps({**ANSWER, "files": ANSWER["files"] * n})),
    "images": (SidecarFormat.CIVITAI_INFO, lambda n: json.dumps({**ANSWER, "images": ANSWER["images"] * n})),
    "address": (SidecarFormat.CIVITAI_INFO, lambda n: _with_address("http://" + "\u0315\u0316" * n)),
    "brackets in an address": (SidecarFormat.CIVITAI_INFO, lambda n: _with_address("http://[" + ":" * n + "]")),
    "tags": (SidecarFormat.LORA_MANAGER, lambda n: json.dumps({**RECORD, "tags": [f"t{k}" for k in range(n)]})),
    "tips": (SidecarFormat.LORA_MANAGER, lambda n: json.dumps({**RECORD, "usage_tips": '{"a":' * n})),
    "markup": (SidecarFormat.LORA_MANAGER, lambda n: json.dumps({**RECORD, "modelDescription": "<p>a</p>" * n})),
}


def _with_address(url: str) -> str:
    return json.dumps({**ANSWER, "images": [{"url": url}]})


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_sidecar_takes_no_more_than_twice_the_work(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    require_linear(lambda size: partial(read, kind, swell(size).encode()), 300)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_sidecar_takes_memory_in_proportion_to_its_size(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    raw = swell(5_000).encode()
    require_memory(partial(read, kind, raw), len(raw), 60)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_sidecar_of_many_thousand_of_the_same_is_read(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    raw = swell(20_000).encode()[:MAX_BYTES]  # what works unseen would take minutes in quadratic time
    assert read(kind, raw) is not None


MARKUP = (
    "<",
    "<!",
    "<!--",
    "<a",
    "<a ",
    "</",
    "<script",
    "<script>",
    "-->",
    "&",
    "&#",
    "&#9",
    "&amp",
    " ",
    "\n",
    "<p\n",
    ">",
)


@pytest.mark.parametrize("piece", MARKUP)
def test_much_of_the_same_markup_gives_a_text(piece: str) -> None:
    require_linear(lambda size: partial(plain_text, piece * size), 500)
    require_memory(partial(plain_text, piece * 5_000), len(piece) * 5_000, 400 / len(piece) + 20)
    plain_text(piece * 50_000)


def test_of_a_sidecar_that_is_too_large_nothing_is_unfolded() -> None:
    raw: Any = b"[" + b"[]," * (MAX_BYTES // 2) + b"1]"
    require_memory(partial(read, SidecarFormat.A1111, raw), len(raw), 0.1)
