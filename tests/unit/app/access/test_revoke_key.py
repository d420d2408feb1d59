"""Revoking a key, and finding the one that is meant."""

import pytest

from lora_manager.app.access.find_key import SeveralKeys
from lora_manager.domain.access import KeyNotFound
from lora_manager.testing.strategies import EPOCH
from tests.unit.app.access.desk import DAY, Desk


@pytest.mark.parametrize("by", ["id", "name", "text"])
def test_a_key_is_revoked_by_its_id_its_name_or_its_text(desk: Desk, by: str) -> None:
    made = desk.create("studio")
    other = desk.create("other").key
    reference = {"id": made.key.id, "name": "studio", "text": made.text}[by]

    revoked = desk.revoke(reference)

    assert revoked == made.key.revoked(now=EPOCH)
    assert sorted(desk.store.all(), key=lambda key: key.id) == [revoked, other]


def test_a_key_that_was_revoked_before_stays_as_it_is(desk: Desk) -> None:
    first = desk.revoke(desk.create("studio").key.id)
    desk.pass_time(DAY)
    assert desk.revoke("studio") == desk.revoke(first.id) == first


def test_a_key_that_has_expired_can_be_revoked_still(desk: Desk) -> None:
    desk.create("studio", expiry=DAY)
    desk.pass_time(DAY)
    assert desk.revoke("studio").revoked_at == EPOCH + DAY


def test_of_several_keys_with_a_name_the_one_that_counts_is_meant(desk: Desk) -> None:
    desk.revoke(desk.create("studio").key.id)
    counting = desk.create("studio").key
    desk.pass_time(DAY)
    desk.revoke(desk.replace("studio", 9 * DAY).new.key.id)
    assert desk.revoke("studio").id == counting.id


def test_where_none_of_a_name_counts_the_last_one_is_meant(desk: Desk) -> None:
    desk.revoke(desk.create("studio").key.id)
    desk.pass_time(DAY)
    last = desk.revoke(desk.create("studio").key.id)
    assert desk.revoke("studio") == last


def test_where_several_of_a_name_count_they_are_named_and_none_is_revoked(desk: Desk) -> None:
    old = desk.create("studio").key
    new = desk.replace("studio").new.key

    with pytest.raises(SeveralKeys) as caught:
        desk.revoke("studio")

    assert {old.id, new.id} == {key.id for key in caught.value.keys}
    assert old.id in str(caught.value)
    assert new.id in str(caught.value)
    assert all(key.counts(EPOCH) for key in desk.store.all())


def test_an_id_is_meant_before_a_name_that_looks_like_it(desk: Desk) -> None:
    first = desk.create("studio").key
    namesake = desk.create(first.id).key
    assert desk.revoke(first.id).id == first.id
    assert desk.store.find(namesake.id) == namesake


def test_a_key_that_is_not_there_is_named(desk: Desk) -> None:
    desk.create("studio")
    for reference in ("stud", "STUDIO", "", "0" * 12):
        with pytest.raises(KeyNotFound, match=f"'{reference}'"):
            desk.revoke(reference)


def test_the_text_of_a_key_that_is_not_there_is_not_repeated(desk: Desk) -> None:
    text = desk.new_text()
    with pytest.raises(KeyNotFound) as caught:
        desk.revoke(text)
    assert text not in str(caught.value)
