"""API keys, which are kept outside the database."""

from dataclasses import dataclass

from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.adapters.system.clock import SystemClock
from lora_manager.adapters.system.secrets import new_key_text
from lora_manager.app.access.create_key import CreateKey
from lora_manager.app.access.replace_key import ReplaceKey
from lora_manager.app.access.revoke_key import RevokeKey
from lora_manager.domain.errors import InvalidInput
from lora_manager.ports.key_store import KeyStore
from lora_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """What can be done with the keys of a deployment."""

    store: KeyStore
    create: CreateKey
    replace: ReplaceKey
    revoke: RevokeKey


def keys_of(settings: Settings) -> Keys:
    """The keys of a deployment, to make and change them; their file is made with the first."""
    store = FileKeyStore(str(settings.access.keys_file))
    clock = SystemClock()
    return Keys(
        store=store,
        create=CreateKey(store, clock, new_key_text),
        replace=ReplaceKey(store, clock, new_key_text),
        revoke=RevokeKey(store, clock),
    )


def key_store(settings: Settings) -> FileKeyStore:
    """The keys of a deployment, to let people in by them.

    :raises InvalidInput: the deployment names their file, and it is not there
    :raises Unavailable: the deployment names their file, and it cannot be read
    """
    access = settings.access
    store = FileKeyStore(str(access.keys_file))
    if access.keys_file_is_named and not store.are_kept():
        raise InvalidInput(
            f"API_KEYS_FILE names {access.keys_file}, which is not there; make the first key with `lora-manager keys "
            "create`, or unset API_KEYS_FILE"
        )
    return store
