"""Sidecars read and written, whatever is in them."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.lora import Lora
from lora_manager.domain.provenance import Source
from lora_manager.domain.sidecar import SIDECARS, NotASidecar, SidecarFormat, read_sidecars, write_sidecar
from lora_manager.domain.sidecar.fill import fill
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.testing import strategies
from tests.unit.domain.sidecar.examples import ANSWER, CARD, HASHES, NOW, RECORD, lora

KEYS = sorted({*CARD, *ANSWER, *RECORD, *ANSWER["files"][0], *ANSWER["images"][0], "SHA256", "strength"})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[]))
JSON = st.recursive(
    SCALARS | st.sampled_from(["<p>x", "{}", '{"strength": 1e999}', "https://x/a.png", "0" * 64, "AB" * 32]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=6),
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), JSON)
CONTENTS = (
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | OBJECTS.map(lambda value: json.dumps(value).encode())
)
FILES = st.dictionaries(st.sampled_from([f"ink{suffix}" for suffix in SIDECARS]), CONTENTS)
WORDS = st.lists(st.text("abcdef xyz", min_size=1).map(lambda text: " ".join(text.split())).filter(bool), unique=True)
VALIDATION = Validation(
    state=ValidationState.VALID,
    model_id=2,
    version_id=1,
    page_url="https://civitai.com/models/2?modelVersionId=1",
)


@given(FILES)
def test_whatever_is_in_sidecars_a_lora_can_hold_what_is_read(files: dict[str, bytes]) -> None:
    told = read_sidecars(files, HASHES)
    assert all(isinstance(problem, str) for problem in told.problems)
    assert None not in {**told.user, **told.civitai}.values()
    filled, _ = fill(lora(), told, now=NOW)
    if told.user or told.civitai or told.validation:
        again, events = fill(filled, told, now=NOW)
        assert (again, events) == (filled, ())


@given(st.sampled_from(SidecarFormat), strategies.loras(), CONTENTS)
def test_whatever_is_there_is_updated_or_refused(sidecar_format: SidecarFormat, some: Lora, existing: bytes) -> None:
    one = lora(validation=VALIDATION, weight=some.weight, triggers=some.triggers, tags=some.tags)
    try:
        written = write_sidecar(sidecar_format, one, existing)
    except NotASidecar:
        return
    assert write_sidecar(sidecar_format, one, written) == written
    before, after = json.loads(existing), json.loads(written)
    assert before.keys() <= after.keys() or sidecar_format is SidecarFormat.CIVITAI_INFO


@given(
    title=st.none() | st.sampled_from(["Ink wash", "Ink & <wash>"]),
    description=st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    source=st.sampled_from(Source),
    weight=strategies.weights(),
    te_weight=st.none() | strategies.weights(),
    tags=st.lists(st.sampled_from(["favorite", "ink", "style"]), unique=True),
    words=WORDS,
    base_model=st.sampled_from([None, "sd1", "sd2", "sd3", "sdxl", "flux", "wan", "qwen-image", "auraflow"]),
)
def test_a_record_of_comfyui_lora_manager_says_when_read_what_was_written(
    words: list[str],
    source: Source,
    **fields: Any,  # noqa: ANN401  # drawn
) -> None:
    one = lora(**fields, triggers=tuple(map(Trigger, words)), provenance={"description": source})
    raw = write_sidecar(SidecarFormat.LORA_MANAGER, one)
    told = read_sidecars({"ink.metadata.json": raw}, HASHES)
    assert told.problems == ()
    filled, _ = fill(lora(), told, now=NOW)
    for field in ("title", "weight", "te_weight", "tags", "triggers", "base_model"):
        assert getattr(filled, field) == getattr(one, field)
    assert " ".join((filled.description or "").split()) == " ".join((one.description or "").split())


@given(strategies.weights(), WORDS, st.sampled_from([None, "sd1", "sd2", "sd3", "sdxl"]))
def test_a_card_says_when_read_what_was_written(weight: float, words: list[str], base_model: str | None) -> None:
    one = lora(
        weight=weight or 0.5, triggers=tuple(map(Trigger, words)), base_model=base_model, description="Ink\n\nwash"
    )
    told = read_sidecars({"ink.json": write_sidecar(SidecarFormat.A1111, one)}, HASHES)
    filled, _ = fill(lora(), told, now=NOW)
    assert told.problems == ()
    for field in ("weight", "triggers", "base_model", "description"):
        assert getattr(filled, field) == getattr(one, field)


@given(WORDS, st.sampled_from([None, "sd1", "sdxl", "flux", "z-image"]), st.sampled_from([None, "Ink & wash"]))
def test_an_answer_of_civitai_says_when_read_what_was_written(
    words: list[str], base_model: str | None, text: str | None
) -> None:
    one = lora(
        triggers=tuple(map(Trigger, words)), base_model=base_model, title=text, description=text, validation=VALIDATION
    )
    told = read_sidecars({"ink.civitai.info": write_sidecar(SidecarFormat.CIVITAI_INFO, one)}, HASHES)
    filled, _ = fill(lora(), told, now=NOW)
    assert told.problems == ()
    for field in ("triggers", "base_model", "title", "description", "validation"):
        assert getattr(filled, field) == getattr(one, field)
