"""The keys of a deployment, by its settings."""

from datetime import timedelta
from pathlib import Path

import pytest

from lora_manager.app.access.create_key import CreateKeyCommand
from lora_manager.app.access.replace_key import ReplaceKeyCommand
from lora_manager.container.keys import key_store, keys_of
from lora_manager.domain.access import Scope
from lora_manager.domain.errors import InvalidInput, Unavailable
from lora_manager.settings import Settings, load_settings

A_KEY = CreateKeyCommand(name="studio", scopes=frozenset({Scope.READ}))


@pytest.fixture
def unnamed(tmp_path: Path) -> Settings:
    """A deployment that does not say where its keys are."""
    return load_settings({"DATA_DIR": str(tmp_path)})


@pytest.fixture
def named(tmp_path: Path) -> Settings:
    """A deployment that says so."""
    return load_settings({"API_KEYS_FILE": str(tmp_path / "vault" / "keys.json")})


def test_keys_are_made_replaced_and_revoked_in_one_place(unnamed: Settings, tmp_path: Path) -> None:
    keys = keys_of(unnamed)
    made = keys.create(A_KEY)
    replacement = keys.replace(ReplaceKeyCommand(reference=made.key.id, overlap=timedelta(hours=1)))
    revoked = keys.revoke(made.key.id)

    assert list(keys.store.all()) == [revoked, replacement.new.key]
    assert list(key_store(unnamed).all()) == [revoked, replacement.new.key]
    assert (tmp_path / "api-keys.json").is_file()


def test_no_two_keys_are_alike(unnamed: Settings) -> None:
    made = keys_of(unnamed).create(A_KEY)
    other = keys_of(unnamed).replace(ReplaceKeyCommand(reference="studio", overlap=timedelta(0))).new
    assert (made.key.id, made.text[16:]) != (other.key.id, other.text[16:])
    assert made.key.matches(made.text)
    assert not made.key.matches(other.text)


def test_where_no_file_is_named_and_none_is_there_no_keys_are_kept(unnamed: Settings) -> None:
    assert not key_store(unnamed).are_kept()


def test_a_file_that_is_named_has_to_be_there(named: Settings) -> None:
    with pytest.raises(InvalidInput) as caught:
        key_store(named)
    message = str(caught.value)
    assert message.startswith(f"API_KEYS_FILE names {named.access.keys_file}, which is not there")
    assert "`lora-manager keys create`" in message


def test_the_first_key_makes_the_file_that_is_named(named: Settings) -> None:
    made = keys_of(named).create(A_KEY)
    assert key_store(named).find(made.key.id) == made.key


def test_a_file_that_is_named_and_damaged_is_told_at_once(named: Settings) -> None:
    named.access.keys_file.parent.mkdir()
    named.access.keys_file.write_bytes(b"damaged")
    with pytest.raises(Unavailable, match="are damaged"):
        key_store(named)
