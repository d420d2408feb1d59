"""Making a key."""

import pytest

from lora_manager.app.access.create_key import CreateKey, CreateKeyCommand, KeyNameTaken
from lora_manager.domain.access import Scope, digest_of
from lora_manager.domain.errors import InvalidFields, Unavailable
from lora_manager.ports.key_store import KeyStore
from lora_manager.testing.strategies import EPOCH
from tests.unit.app.access.desk import DAY, Desk


def test_a_new_key_is_kept_by_its_digest_and_its_text_is_told(desk: Desk) -> None:
    made = desk.create("studio", Scope.READ, Scope.DELIVER)

    assert made.text == f"lm_{1:012x}_{1:043}"
    assert desk.store.all() == [made.key]
    assert (made.key.id, made.key.name) == (f"{1:012x}", "studio")
    assert made.key.scopes == {Scope.READ, Scope.DELIVER}
    assert (made.key.digest, made.key.created_at) == (digest_of(made.text), EPOCH)


def test_a_new_key_does_not_show_its_text(desk: Desk) -> None:
    made = desk.create()
    assert made.text not in repr(made)
    assert made.text not in repr(desk.store.all())


def test_a_key_counts_for_ever_for_some_time_or_until_a_date(desk: Desk) -> None:
    assert desk.create("for ever").key.expires_at is None
    assert desk.create("for a day", expiry=DAY).key.expires_at == EPOCH + DAY
    assert desk.create("until a date", expiry=EPOCH + 2 * DAY).key.expires_at == EPOCH + 2 * DAY


def test_a_name_in_use_is_not_given_again_and_the_way_to_replace_it_is_told(desk: Desk) -> None:
    made = desk.create("studio")

    with pytest.raises(KeyNameTaken, match=f"`lora-manager keys rotate {made.key.id}` replaces it"):
        desk.create("studio")

    assert desk.store.all() == [made.key]


def test_the_key_that_is_named_as_in_use_is_the_latest_of_its_name(desk: Desk) -> None:
    desk.create("studio")
    latest = desk.replace("studio").new.key

    with pytest.raises(KeyNameTaken) as caught:
        desk.create("studio")

    assert caught.value.key == latest


def test_the_name_of_a_key_that_does_not_count_is_free(desk: Desk) -> None:
    desk.create("studio", expiry=DAY)
    desk.pass_time(DAY)
    desk.revoke(desk.create("studio").key.id)
    desk.create("studio")

    assert [key.name for key in desk.store.all()] == ["studio"] * 3


def test_everything_that_is_wrong_is_named_at_once_and_nothing_is_kept(desk: Desk) -> None:
    command = CreateKeyCommand(name=" ", scopes=frozenset(), expiry=EPOCH - DAY)

    with pytest.raises(InvalidFields) as caught:
        CreateKey(desk.store, desk.clock, desk.new_text)(command)

    assert [field.name for field in caught.value.fields] == ["name", "scopes", "expires_at"]
    assert not desk.store.are_kept()


def test_where_the_keys_cannot_be_read_none_is_made(desk: Desk, closed: KeyStore) -> None:
    command = CreateKeyCommand(name="studio", scopes=frozenset({Scope.READ}))
    with pytest.raises(Unavailable):
        CreateKey(closed, desk.clock, desk.new_text)(command)
