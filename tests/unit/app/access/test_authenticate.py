"""Telling who makes a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.app.access.authenticate import SINGLE, Authenticate
from lora_manager.domain.access import ANYBODY, Scope, Unauthenticated, digest_of
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.key_store import KeyStore
from tests.unit.app.access.desk import DAY, Desk

LATIN = st.text(st.characters(max_codepoint=255))  # what a header can hold


def asking(desk: Desk, single: str | None = None) -> Authenticate:
    return Authenticate(desk.store, desk.clock, None if single is None else digest_of(single))


@given(st.none() | LATIN)
def test_where_no_key_was_ever_made_whatever_is_given_anybody_gets_in(given_key: str | None) -> None:
    authenticate = asking(Desk())
    assert not authenticate.is_needed()
    assert authenticate(given_key) is ANYBODY


def test_whoever_gives_a_key_is_known_by_it(desk: Desk) -> None:
    studio = desk.create("studio", Scope.READ)
    desk.create("other", Scope.ADMIN)
    assert asking(desk)(studio.text) == studio.key.caller


def test_as_soon_as_there_is_a_key_nobody_gets_in_without(desk: Desk) -> None:
    authenticate = asking(desk)
    desk.create()
    assert authenticate.is_needed()
    with pytest.raises(Unauthenticated, match="send it as X-API-Key, or as Authorization: Bearer"):
        authenticate(None)


@pytest.mark.parametrize("way", ["revoked", "expired"])
def test_nobody_gets_in_by_a_key_that_does_not_count_even_where_it_is_the_only_one(desk: Desk, way: str) -> None:
    made = desk.create("studio", expiry=DAY)
    if way == "revoked":
        desk.revoke("studio")
    else:
        desk.pass_time(DAY)

    for given_key in (made.text, None):
        with pytest.raises(Unauthenticated):
            asking(desk)(given_key)


def test_while_a_key_is_being_replaced_both_let_in_and_then_the_new_one(desk: Desk) -> None:
    old = desk.create("studio")
    new = desk.replace("studio", DAY).new
    authenticate = asking(desk)

    assert authenticate(old.text).name == authenticate(new.text).name == "studio"
    desk.pass_time(DAY)

    assert authenticate(new.text).name == "studio"
    with pytest.raises(Unauthenticated):
        authenticate(old.text)


@given(LATIN)
def test_nobody_gets_in_by_something_else(given_key: str) -> None:
    desk = Desk()
    made = desk.create()
    with pytest.raises(Unauthenticated) as caught:
        asking(desk, single="single")(given_key)
    assert made.text not in str(caught.value)


def test_a_secret_is_not_enough_without_its_id_nor_an_id_without_its_secret(desk: Desk) -> None:
    first, second = desk.create("first"), desk.create("second")
    mixed = first.text[:16] + second.text[16:]
    for given_key in (mixed, first.text[16:], first.key.id, first.text[:-1], first.text + " ", first.key.digest):
        with pytest.raises(Unauthenticated):
            asking(desk)(given_key)


def test_what_is_given_is_not_repeated_in_the_refusal(desk: Desk) -> None:
    desk.create()
    with pytest.raises(Unauthenticated) as caught:
        asking(desk)("hunter2")
    assert "hunter2" not in str(caught.value)


def test_the_single_key_may_do_everything_beside_the_others(desk: Desk) -> None:
    made = desk.create()
    authenticate = asking(desk, single="hunter2")
    assert authenticate("hunter2") is SINGLE
    assert frozenset(Scope) == SINGLE.scopes
    assert authenticate(made.text) == made.key.caller


def test_the_single_key_is_needed_even_where_it_is_the_only_one(desk: Desk) -> None:
    authenticate = asking(desk, single="hunter2")
    assert authenticate.is_needed()
    for given_key in (None, "", "hunter", "hunter22", "HUNTER2"):
        with pytest.raises(Unauthenticated):
            authenticate(given_key)


def test_the_single_key_does_not_show(desk: Desk) -> None:
    assert digest_of("hunter2") not in repr(asking(desk, single="hunter2"))


def test_where_the_keys_cannot_be_read_nobody_gets_in(desk: Desk, closed: KeyStore) -> None:
    made = desk.create()
    authenticate = Authenticate(closed, desk.clock)
    for given_key in (None, made.text, "hunter2"):
        with pytest.raises(Unavailable):
            authenticate(given_key)


def test_the_single_key_lets_in_even_where_the_others_cannot_be_read(desk: Desk, closed: KeyStore) -> None:
    authenticate = Authenticate(closed, desk.clock, digest_of("hunter2"))
    assert authenticate("hunter2") is SINGLE
    with pytest.raises(Unavailable):
        authenticate(desk.create().text)
