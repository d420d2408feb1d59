"""A LoRA's invariants, its changes and the events that tell of them."""

import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.fields import MAX_ORDINAL
from lora_manager.domain.lora import Lora
from lora_manager.domain.provenance import Source
from lora_manager.domain.trigger import Trigger
from lora_manager.testing import strategies
from tests.contract.examples import LATER, NOW, a_lora, a_record

EARLIER = NOW - timedelta(days=1)
BERLIN = timezone(timedelta(hours=1))
TRIGGER = "must have 1 to {} characters, no control characters, no white space at either end"
ONE_LINE = "must not be empty, nor begin or end with white space; null means none"
CONTROL = "must not contain control characters"
UNSTORABLE = "must not contain NUL characters or unpaired surrogates"
WEIGHT = "must be a finite number from -100 to 100"
ORDINAL = "must be an integer from -9007199254740991 to 9007199254740991"
URL = "must be an absolute http or https URL"
UTC_ONLY = InvalidField("created_at, updated_at", "must be in UTC")


def problems(**fields: Any) -> list[InvalidField]:  # noqa: ANN401  # whatever a LoRA has
    with pytest.raises(InvalidFields) as refused:
        a_lora(**fields)
    return list(refused.value.fields)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "", "must have 1 to 200 characters, has 0"),
        ("name", "n" * 201, "must have 1 to 200 characters, has 201"),
        ("name", "ink ", "must not begin or end with white space"),
        ("name", "a:b", "must not contain ':' (nor any of < > : or control characters)"),
        ("name", "a<b", "must not contain '<' (nor any of < > : or control characters)"),
        ("name", "a>b", "must not contain '>' (nor any of < > : or control characters)"),
        ("name", "a\nb", r"must not contain '\n' (nor any of < > : or control characters)"),
        ("name", "a\ud800b", r"must not contain '\ud800' (nor any of < > : or control characters)"),
        ("file_path", "", "must have 1 to 4096 characters, has 0"),
        ("file_path", "/" + "p" * 4_096, "must have 1 to 4096 characters, has 4097"),
        ("file_path", "/a\x00b", "must not contain NUL characters or bytes that are not UTF-8"),
        ("file_path", "/a\udcffb", "must not contain NUL characters or bytes that are not UTF-8"),
        ("file_path", "ink.safetensors", "must be an absolute path, or s3://bucket/key"),
        ("file_path", "s3://bucket", "must be an absolute path, or s3://bucket/key"),
        ("file_path", "s3:///key", "must be an absolute path, or s3://bucket/key"),
        ("file_path", "C:ink", "must be an absolute path, or s3://bucket/key"),
        ("file_path", "/loras/", "must name a file, not a folder"),
        ("file_path", "C:\\loras\\", "must name a file, not a folder"),
        ("version", "v" * 101, "must have at most 100 characters, has 101"),
        ("version", "", ONE_LINE),
        ("version", " v1", ONE_LINE),
        ("version", "v\x7f1", CONTROL),
        ("archetype", "a" * 101, "must have at most 100 characters, has 101"),
        ("archetype", "a ", ONE_LINE),
        ("archetype", "a\nb", CONTROL),
        ("base_model", "b" * 101, "must have at most 100 characters, has 101"),
        ("base_model", "", ONE_LINE),
        ("base_model", "a\ud800b", CONTROL),
        ("title", "t" * 1_001, "must have at most 1000 characters, has 1001"),
        ("title", "\ud800", UNSTORABLE),
        ("description", "d" * 100_001, "must have at most 100000 characters, has 100001"),
        ("description", "\x00", UNSTORABLE),
        ("preview_url", "http://a/" + "p" * 2_040, "must have at most 2048 characters, has 2049"),
        ("preview_url", "", URL),
        ("preview_url", "/preview.png", URL),
        ("preview_url", "ftp://a/b", URL),
        ("preview_url", "javascript:alert(1)", URL),
        ("preview_url", "https://", URL),
        ("preview_url", "https://a/b c", URL),
        ("preview_url", "https://[a/b", URL),
        ("weight", 100.001, WEIGHT),
        ("weight", -101, WEIGHT),
        ("weight", math.nan, WEIGHT),
        ("weight", math.inf, WEIGHT),
        ("weight", 10**400, WEIGHT),
        ("weight", True, "must be a number"),
        ("weight", "1", "must be a number"),
        ("te_weight", -math.inf, WEIGHT),
        ("te_weight", False, "must be a number"),
        ("archetype_confidence", -0.001, "must be a finite number from 0 to 1"),
        ("archetype_confidence", 1.001, "must be a finite number from 0 to 1"),
        ("ordinal", 2**53, ORDINAL),
        ("ordinal", -(2**53), ORDINAL),
        ("ordinal", 1.0, "must be an integer"),
        ("ordinal", True, "must be an integer"),
        ("tags", tuple(map(str, range(101))), "must be at most 100, are 101"),
        ("triggers", (Trigger("t"),) * 1_001, "must be at most 1000, are 1001"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_beyond_its_limit_is_refused_with_field_and_reason(field: str, value: object, reason: str) -> None:
    assert problems(**{field: value}) == [InvalidField(field, reason)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "n" * 200),
        ("file_path", "/" + "p" * 4_095),
        ("file_path", "s3://bucket/key"),
        ("file_path", "C:/loras/ink"),
        ("file_path", "\\\\host\\share\\ink"),
        ("version", "v" * 100),
        ("title", ""),
        ("title", "t" * 1_000),
        ("description", "a\n\tb " * 20_000),
        ("preview_url", "HTTPS://a/" + "p" * 2_038),
        ("weight", -100.0),
        ("te_weight", 100.0),
        ("archetype_confidence", 0),
        ("archetype_confidence", 1),
        ("ordinal", MAX_ORDINAL),
        ("ordinal", -MAX_ORDINAL),
        ("tags", tuple(f"{number:0100}" for number in range(100))),
        ("triggers", (Trigger("t" * 1_000, "g" * 100),) * 1_000),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_value_at_its_limit_is_kept(field: str, value: object) -> None:
    fields: dict[str, Any] = {field: value}
    assert getattr(a_lora(**fields), field) == value


@pytest.mark.parametrize(
    ("tag", "reason"), [("t" * 101, "must have at most 100 characters, has 101"), ("a\nb", CONTROL)], ids=ascii
)
def test_a_wrong_tag_is_named_by_its_place(tag: str, reason: str) -> None:
    assert problems(tags=("good", tag)) == [InvalidField("tags[1]", reason)]


@pytest.mark.parametrize(
    ("trigger", "part", "limit"),
    [
        (Trigger(""), "text", 1_000),
        (Trigger("t" * 1_001), "text", 1_000),
        (Trigger("two\nlines"), "text", 1_000),
        (Trigger("ink "), "text", 1_000),
        (Trigger("ink", ""), "group", 100),
        (Trigger("ink", "g" * 101), "group", 100),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_wrong_trigger_is_named_by_its_place(trigger: Trigger, part: str, limit: int) -> None:
    found = problems(triggers=(Trigger("good"), trigger))
    assert found == [InvalidField(f"triggers[1].{part}", TRIGGER.format(limit))]


@pytest.mark.parametrize("moment", [NOW.replace(tzinfo=None), NOW.astimezone(BERLIN)], ids=["no zone", "Berlin"])
@pytest.mark.parametrize("field", ["created_at", "updated_at"])
def test_a_time_that_is_not_in_utc_is_refused(field: str, moment: datetime) -> None:
    assert problems(**{field: moment}) == [UTC_ONLY]


def test_all_wrong_fields_are_named_at_once() -> None:
    found = problems(name="", file_path="ink", title="\x00", weight=101, ordinal=2**53, tags=("\n", "a\nb"))
    assert [problem.name for problem in found] == ["name", "file_path", "title", "weight", "ordinal", "tags[0]"]


def test_tags_are_trimmed_and_lose_empty_ones_and_repeats_but_not_their_order() -> None:
    assert a_lora(tags=(" b", "a", "", "  ", "b ", "B")).tags == ("b", "a", "B")


@pytest.mark.parametrize("field", ["weight", "te_weight"])
@pytest.mark.parametrize(("number", "kept"), [(1, "1.0"), (-0.0, "0.0"), (0, "0.0"), (0.1, "0.1")])
def test_a_weight_is_kept_as_a_float_without_a_sign_at_zero(field: str, number: float, kept: str) -> None:
    fields: dict[str, Any] = {field: number}
    assert repr(getattr(a_lora(**fields), field)) == kept


def test_what_nobody_said_is_absent() -> None:
    lora = a_lora()
    assert (lora.weight, lora.te_weight, lora.active, lora.ordinal, lora.revision) == (1.0, None, False, None, 1)
    assert (lora.sha256, lora.size_bytes) == (None, None)


def test_size_and_hash_are_those_of_the_file() -> None:
    lora = a_lora(file=a_record("a", size_bytes=7))
    assert (lora.sha256, lora.size_bytes) == ("a" * 64, 7)


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/loras/style/ink.v2.safetensors", "ink.v2"),
        ("s3://bucket/a/ink.safetensors", "ink"),
        ("C:\\loras\\ink.safetensors", "ink"),
        ("/loras/a\\b.safetensors", "a\\b"),
        ("/loras/.hidden", ".hidden"),
    ],
)
def test_the_stem_is_the_file_name_without_folder_and_extension(path: str, stem: str) -> None:
    assert a_lora(file_path=path).file_stem == stem


def test_the_canonical_order_is_ordinal_then_name_then_version_then_id() -> None:
    canonical = [
        a_lora("z", ordinal=-1),
        a_lora("Z", ordinal=1),
        a_lora("a", ordinal=1),
        a_lora("a", ordinal=1, version="v10"),
        a_lora("a", ordinal=1, version="v2"),
        a_lora("a", ordinal=1, version="v2"),
        a_lora("é", ordinal=1),
        a_lora("z", ordinal=MAX_ORDINAL),
        a_lora("A"),
    ]
    backwards = canonical[::-1]
    assert sorted(backwards, key=lambda lora: lora.order_key) == canonical


def test_registration_is_told_by_an_event() -> None:
    lora = a_lora()
    assert lora.created() == Event(EventName.CREATED, NOW, lora.id)


def test_a_revision_is_a_new_value_with_the_next_number_and_an_event_that_names_the_fields() -> None:
    lora = a_lora()
    revised, events = lora.revise(now=LATER, weight=0.5, name="wash", te_weight=None)
    assert (revised.name, revised.weight, revised.revision, revised.updated_at) == ("wash", 0.5, 2, LATER)
    assert events == (Event(EventName.UPDATED, LATER, lora.id, ("name", "weight")),)
    assert (lora.name, lora.weight, lora.revision, lora.updated_at) == ("ink", 1.0, 1, NOW)


def test_a_revision_clears_what_may_be_none() -> None:
    lora = a_lora(version="v1", ordinal=3, te_weight=0.5)
    cleared, _ = lora.revise(now=LATER, version=None, ordinal=None, te_weight=None)
    assert (cleared.version, cleared.ordinal, cleared.te_weight) == (None, None, None)


def test_a_revision_beyond_the_limits_names_every_wrong_field() -> None:
    with pytest.raises(InvalidFields) as refused:
        a_lora().revise(now=LATER, weight=101, version="")
    assert [problem.name for problem in refused.value.fields] == ["version", "weight"]


def test_time_never_runs_backwards() -> None:
    revised, events = a_lora().revise(now=EARLIER, weight=0.5)
    assert (revised.updated_at, revised.revision, events[0].at) == (NOW, 2, NOW)


def test_activation_and_deactivation_are_told_by_their_own_events() -> None:
    lora = a_lora(ordinal=3)
    active, activated = lora.activate(now=LATER)
    assert (active.active, active.ordinal, active.revision) == (True, 3, 2)
    assert activated == (Event(EventName.ACTIVATED, LATER, lora.id, ("active",)),)
    inactive, deactivated = active.deactivate(now=LATER)
    assert (inactive.active, inactive.ordinal, inactive.revision) == (False, 3, 3)
    assert deactivated == (Event(EventName.DEACTIVATED, LATER, lora.id, ("active",)),)


def test_activation_with_an_ordinal_tells_of_both() -> None:
    active, events = a_lora().activate(now=LATER, ordinal=2)
    assert (active.active, active.ordinal, active.revision) == (True, 2, 2)
    assert [(event.name, event.fields) for event in events] == [
        (EventName.ACTIVATED, ("active",)),
        (EventName.UPDATED, ("ordinal",)),
    ]


def test_a_new_ordinal_of_an_active_lora_is_an_update() -> None:
    _, events = a_lora(active=True).activate(now=LATER, ordinal=2)
    assert [(event.name, event.fields) for event in events] == [(EventName.UPDATED, ("ordinal",))]


def test_a_deleted_lora_comes_back_as_it_was() -> None:
    lora = a_lora(active=True, ordinal=3)
    deleted, deletion = lora.delete(now=LATER)
    assert (deleted.deleted_at, deleted.revision) == (LATER, 2)
    assert deletion == (Event(EventName.DELETED, LATER, lora.id, ("deleted_at",)),)
    restored, restoration = deleted.restore(now=LATER)
    assert (restored.deleted_at, restored.active, restored.ordinal, restored.revision) == (None, True, 3, 3)
    assert restoration == (Event(EventName.RESTORED, LATER, lora.id, ("deleted_at",)),)


@given(strategies.loras())
def test_a_change_that_changes_nothing_is_the_same_lora_and_no_event(lora: Lora) -> None:
    again = lora.activate(now=LATER) if lora.active else lora.deactivate(now=LATER)
    gone = lora.delete(now=LATER) if lora.deleted_at else lora.restore(now=LATER)
    same = lora.revise(now=LATER, name=lora.name, weight=lora.weight, tags=lora.tags, ordinal=lora.ordinal)
    for unchanged, events in (again, gone, same, lora.revise(now=LATER), lora.learn(Source.FILE, now=LATER)):
        assert unchanged is lora
        assert events == ()


def test_equal_after_normalisation_is_unchanged() -> None:
    lora = a_lora(weight=0.0, tags=("a",))
    assert lora.revise(now=LATER, weight=-0.0, tags=(" a", "a")) == (lora, ())


@pytest.mark.parametrize("said", Source)
@pytest.mark.parametrize("later", Source)
def test_a_source_is_overridden_by_itself_and_better_ones_only(said: Source, later: Source) -> None:
    lora, _ = a_lora().learn(said, now=NOW, title="said")
    learned, events = lora.learn(later, now=LATER, title="later")
    ranking = [Source.FILE, Source.CIVITAI, Source.USER]
    if ranking.index(later) >= ranking.index(said):
        assert (learned.title, learned.provenance, learned.revision) == ("later", {"title": later}, 3)
        assert events == (Event(EventName.UPDATED, LATER, lora.id, ("title",)),)
    else:
        assert learned is lora
        assert events == ()


def test_only_facts_of_a_better_source_are_held_back() -> None:
    lora, _ = a_lora().revise(now=NOW, title="mine", weight=0.5)
    learned, _ = lora.learn(Source.CIVITAI, now=LATER, title="theirs", base_model="sdxl")
    assert (learned.title, learned.base_model) == ("mine", "sdxl")
    assert learned.provenance == {"title": Source.USER, "base_model": Source.CIVITAI}


def test_a_fact_that_the_user_cleared_stays_cleared() -> None:
    lora, _ = a_lora(title="said", provenance={"title": Source.FILE}).revise(now=NOW, title=None)
    assert lora.learn(Source.CIVITAI, now=LATER, title="again")[0].title is None


def test_a_fact_that_a_better_source_confirms_is_its_own_from_now_on() -> None:
    lora, _ = a_lora().learn(Source.FILE, now=NOW, title="ink")
    confirmed, events = lora.revise(now=LATER, title="ink")
    assert (confirmed.provenance, confirmed.revision) == ({"title": Source.USER}, 3)
    assert events == (Event(EventName.UPDATED, LATER, lora.id, ()),)


def test_a_look_at_the_file_takes_in_its_state_its_path_and_what_it_says() -> None:
    lora = a_lora(description="mine", provenance={"description": Source.USER})
    record = a_record("a")
    seen, events = lora.observe(record, now=LATER, file_path="/new/ink", title="Ink", description="its own")
    assert (seen.file, seen.file_path, seen.title, seen.description) == (record, "/new/ink", "Ink", "mine")
    assert seen.provenance == {"description": Source.USER, "title": Source.FILE}
    assert events == (Event(EventName.UPDATED, LATER, lora.id, ("file", "file_path", "title")),)


def test_a_second_look_that_finds_the_same_changes_nothing() -> None:
    seen, _ = a_lora().observe(a_record(), now=NOW, title="Ink")
    again, events = seen.observe(a_record(), now=LATER, title="Ink")
    assert again is seen
    assert events == ()
