"""Finding the key that somebody means."""

from collections.abc import Sequence
from datetime import datetime

from lora_manager.domain.access import ApiKey, KeyNotFound, key_id_of
from lora_manager.domain.errors import Conflict


class SeveralKeys(Conflict):
    """A name is that of several keys that count, and one of them was asked for."""

    def __init__(self, name: str, keys: Sequence[ApiKey]) -> None:
        self.keys = keys
        listed = ", ".join(f"{key.id} (made {key.created_at:%Y-%m-%d %H:%M} UTC)" for key in keys)
        super().__init__(f"{len(keys)} keys named {name!r} are in use, choose one by its id: {listed}")


def find_key(keys: Sequence[ApiKey], reference: str, *, now: datetime) -> ApiKey:
    """The key with this id, or the one with this name that counts, or the last that did.

    :param keys: by the time they were made
    :param reference: an id, a name, or a key's text: whoever found one where it should not be has nothing else
    :raises KeyNotFound: there is none
    :raises SeveralKeys: several of this name count
    """
    wanted = key_id_of(reference) or reference
    with_id = [key for key in keys if key.id == wanted]
    if with_id:
        return with_id[0]
    named = [key for key in keys if key.name == wanted]
    if not named:
        raise KeyNotFound(wanted)
    counting = [key for key in named if key.counts(now)]
    if len(counting) > 1:
        raise SeveralKeys(wanted, counting)
    return (counting or named)[-1]
