"""Scopes, callers and API keys."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.access import (
    ANYBODY,
    MAX_NAME,
    ApiKey,
    Caller,
    KeyNotFound,
    Scope,
    ScopeMissing,
    TooManyRequests,
    Unauthenticated,
    digest_of,
    key_id_of,
    key_text,
)
from lora_manager.domain.errors import Forbidden, InvalidFields, NotFound, Unavailable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
MUCH_LATER = NOW + timedelta(days=9)
TEXT = key_text("0123456789ab", "s" * 43)

IDS = st.text("0123456789abcdef", min_size=12, max_size=12)
SECRETS = st.text("ABCXYZabcxyz0189_-", min_size=43, max_size=43)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=9)).map(lambda passed: NOW + passed)


def a_key(*, expires_at: datetime | None = None) -> ApiKey:
    return ApiKey.of(TEXT, name="studio", scopes={Scope.READ}, now=NOW, expires_at=expires_at)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READ, {Scope.READ}),
        (Scope.WRITE, {Scope.READ, Scope.WRITE}),
        (Scope.DELIVER, {Scope.READ, Scope.DELIVER}),
        (Scope.ADMIN, set(Scope)),
    ],
)
def test_a_scope_allows_what_is_said_of_it_and_no_more(scope: Scope, allowed: set[Scope]) -> None:
    caller = Caller("studio", "1", frozenset({scope}))
    for wanted in allowed:
        caller.require(wanted)
    for wanted in set(Scope) - allowed:
        with pytest.raises(ScopeMissing):
            caller.require(wanted)


@given(st.frozensets(st.sampled_from(Scope)), st.sampled_from(Scope))
def test_scopes_together_allow_what_one_of_them_does(scopes: frozenset[Scope], wanted: Scope) -> None:
    def may(*held: Scope) -> bool:
        try:
            Caller("studio", "1", frozenset(held)).require(wanted)
        except ScopeMissing:
            return False
        return True

    assert may(*scopes) == any(may(scope) for scope in scopes)


def test_a_missing_scope_is_named_with_the_key_that_lacks_it() -> None:
    with pytest.raises(ScopeMissing) as caught:
        a_key().caller.require(Scope.WRITE)
    assert (caught.value.caller, caught.value.scope) == ("studio", Scope.WRITE)
    assert str(caught.value) == "this needs the scope write, which the key 'studio' does not have"


def test_where_no_key_is_needed_anybody_may_do_everything() -> None:
    for scope in Scope:
        ANYBODY.require(scope)


def test_errors_are_of_the_kinds_that_the_edges_know() -> None:
    assert issubclass(Unauthenticated, Forbidden)
    assert issubclass(ScopeMissing, Forbidden)
    assert issubclass(TooManyRequests, Unavailable)
    assert issubclass(KeyNotFound, NotFound)


@pytest.mark.parametrize(("wait_s", "words"), [(0.01, "in 1 s"), (1.4, "in 2 s"), (59.6, "in 60 s")])
def test_who_asks_too_often_is_told_when_to_ask_again(wait_s: float, words: str) -> None:
    assert words in str(TooManyRequests(wait_s))


def test_a_key_that_is_not_there_is_named_with_the_command_that_lists_all() -> None:
    assert str(KeyNotFound("studio")) == "there is no key 'studio'; `lora-manager keys list` shows all"


@given(IDS, SECRETS)
def test_the_id_is_read_back_from_the_text(key_id: str, secret: str) -> None:
    assert key_id_of(key_text(key_id, secret)) == key_id


@given(st.text() | st.text("lm_0af", max_size=70))
def test_a_text_that_is_not_ours_has_no_id(text: str) -> None:
    key_id = key_id_of(text)
    assert key_id is None or text == key_text(key_id, text[-43:])


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "s",
        TEXT + "\n",
        " " + TEXT,
        TEXT.upper(),
        "xx" + TEXT[2:],
        key_text("0123456789AB", "s" * 43),
        key_text("0123456789a٣", "s" * 43),
        key_text("0123456789ab", "s" * 42 + "/"),
        key_text("0123456789ab", "s" * 42 + "é"),
    ],
)
def test_a_text_that_is_nearly_ours_has_no_id(text: str) -> None:
    assert key_id_of(text) is None


def test_a_key_is_kept_by_the_sha256_of_its_text() -> None:
    assert digest_of(TEXT) == hashlib.sha256(TEXT.encode()).hexdigest()
    assert a_key().digest == digest_of(TEXT)
    assert a_key().id == "0123456789ab"


def test_neither_the_text_nor_the_digest_shows() -> None:
    shown = repr(a_key()) + str(a_key()) + repr(a_key().caller)
    assert a_key().digest not in shown
    assert "s" * 43 not in shown


def test_a_key_is_made_of_a_keys_text_only() -> None:
    with pytest.raises(InvalidFields, match="text"):
        ApiKey.of("hunter2", name="studio", scopes={Scope.READ}, now=NOW)


@given(SECRETS, st.text())
def test_a_key_matches_its_text_and_no_other(secret: str, other: str) -> None:
    text = key_text("0123456789ab", secret)
    key = ApiKey.of(text, name="studio", scopes={Scope.READ}, now=NOW)
    assert key.matches(text)
    assert key.matches(other) == (other == text)
    assert not key.matches(text[:-1])


def test_whoever_presents_a_key_has_its_name_and_scopes() -> None:
    assert a_key().caller == Caller("studio", "0123456789ab", frozenset({Scope.READ}))


@pytest.mark.parametrize("name", ["", " ", " studio", "studio ", "a\nb", "a\x00b", "\ud800", "x" * (MAX_NAME + 1)])
def test_a_name_that_logs_could_not_show_is_refused(name: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        replace(a_key(), name=name)
    assert [field.name for field in caught.value.fields] == ["name"]


@pytest.mark.parametrize("name", ["x" * MAX_NAME, "Studio 2 (nights)", "工作室"])
def test_a_name_is_what_people_call_it(name: str) -> None:
    assert replace(a_key(), name=name).name == name


def test_everything_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidFields) as caught:
        ApiKey.of(TEXT, name="", scopes=(), now=NOW, expires_at=NOW)
    assert [field.name for field in caught.value.fields] == ["name", "scopes", "expires_at"]


@given(MOMENTS, st.none() | MOMENTS, st.none() | MOMENTS)
def test_a_key_counts_until_it_expires_or_is_revoked(
    now: datetime, expires_at: datetime | None, revoked_at: datetime | None
) -> None:
    expires_at = None if expires_at == NOW else expires_at
    key = replace(a_key(expires_at=expires_at), revoked_at=revoked_at)
    assert key.counts(now) == (revoked_at is None and (expires_at is None or now < expires_at))


def test_a_key_does_not_count_from_the_very_moment_it_expires() -> None:
    key = a_key(expires_at=LATER)
    assert key.counts(LATER - timedelta(microseconds=1))
    assert not key.counts(LATER)


def test_a_key_is_revoked_once_and_for_all() -> None:
    revoked = a_key().revoked(now=LATER)
    assert revoked.revoked_at == LATER
    assert not revoked.counts(NOW)
    assert revoked.revoked(now=MUCH_LATER) is revoked


def test_a_key_can_be_made_to_expire_earlier_but_never_later() -> None:
    assert a_key().expiring(LATER).expires_at == LATER
    assert a_key(expires_at=MUCH_LATER).expiring(LATER).expires_at == LATER
    assert a_key(expires_at=LATER).expiring(MUCH_LATER).expires_at == LATER


@given(st.none() | MOMENTS, st.none() | MOMENTS)
def test_what_is_kept_as_revoked_stays_revoked(kept_at: datetime | None, put_at: datetime | None) -> None:
    kept, key = replace(a_key(), revoked_at=kept_at), replace(a_key(expires_at=LATER), revoked_at=put_at)
    placed = key.in_place_of(kept)
    assert placed.expires_at == LATER
    assert placed.revoked_at == (kept_at if put_at is None else put_at)


def test_where_nothing_is_kept_a_key_is_placed_as_it_is() -> None:
    assert a_key().in_place_of(None) == a_key()
