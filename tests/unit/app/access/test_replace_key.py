"""Replacing a key."""

from datetime import timedelta

import pytest

from lora_manager.app.access.find_key import SeveralKeys
from lora_manager.app.access.replace_key import KeyNotInUse
from lora_manager.domain.access import KeyNotFound, Scope
from lora_manager.domain.errors import InvalidFields
from lora_manager.testing.strategies import EPOCH
from tests.unit.app.access.desk import DAY, Desk

NONE_AT_ALL = timedelta(0)


def test_the_new_key_has_the_name_and_scopes_of_the_old_one(desk: Desk) -> None:
    old = desk.create("studio", Scope.WRITE, Scope.DELIVER, expiry=9 * DAY).key

    new = desk.replace("studio").new

    assert (new.key.name, new.key.scopes, new.key.expires_at) == ("studio", old.scopes, None)
    assert new.key.id != old.id
    assert new.key.matches(new.text)


def test_both_count_until_the_overlap_ends(desk: Desk) -> None:
    desk.create("studio")
    replacement = desk.replace("studio", 2 * DAY)

    assert desk.store.all() == [replacement.old, replacement.new.key]
    assert replacement.old.counts(EPOCH + DAY)
    assert not replacement.old.counts(EPOCH + 2 * DAY)
    assert replacement.new.key.counts(EPOCH + 2 * DAY)


def test_a_key_that_expires_before_the_overlap_ends_does_not_live_longer(desk: Desk) -> None:
    desk.create("studio", expiry=DAY)
    assert desk.replace("studio", 9 * DAY).old.expires_at == EPOCH + DAY


def test_without_an_overlap_the_old_key_is_revoked(desk: Desk) -> None:
    desk.create("studio")
    old = desk.replace("studio", NONE_AT_ALL).old
    assert (old.revoked_at, old.counts(EPOCH)) == (EPOCH, False)


def test_the_new_key_expires_when_it_is_told_to(desk: Desk) -> None:
    desk.create("studio")
    assert desk.replace("studio", NONE_AT_ALL, DAY).new.key.expires_at == EPOCH + DAY
    assert desk.replace("studio", NONE_AT_ALL, EPOCH + 3 * DAY).new.key.expires_at == EPOCH + 3 * DAY


def test_a_new_key_that_would_have_expired_is_refused_and_the_old_one_stays(desk: Desk) -> None:
    old = desk.create("studio").key

    with pytest.raises(InvalidFields, match="expires_at"):
        desk.replace("studio", expiry=EPOCH - DAY)

    assert desk.store.all() == [old]


def test_while_two_of_a_name_count_the_id_says_which(desk: Desk) -> None:
    old = desk.create("studio").key
    new = desk.replace("studio").new.key

    with pytest.raises(SeveralKeys):
        desk.replace("studio")

    assert desk.replace(new.id).old.id == new.id
    assert desk.store.find(old.id) == old.expiring(EPOCH + DAY)


@pytest.mark.parametrize("way", ["revoked", "expired"])
def test_a_key_that_does_not_count_any_more_is_not_replaced(desk: Desk, way: str) -> None:
    key = desk.create("studio", expiry=DAY).key
    if way == "revoked":
        desk.revoke("studio")
    else:
        desk.pass_time(DAY)

    for reference in ("studio", key.id):
        with pytest.raises(KeyNotInUse, match="`lora-manager keys create`"):
            desk.replace(reference)

    assert len(desk.store.all()) == 1


def test_a_key_that_is_not_there_is_not_replaced(desk: Desk) -> None:
    with pytest.raises(KeyNotFound, match="'studio'"):
        desk.replace("studio")


def test_a_replacement_does_not_show_the_text(desk: Desk) -> None:
    desk.create("studio")
    replacement = desk.replace("studio")
    assert replacement.new.text not in repr(replacement)
