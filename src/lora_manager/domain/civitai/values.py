"""Reading decoded JSON of which nothing is certain: what is not as it should be reads as absent."""

from collections.abc import Mapping, Sequence

from lora_manager.domain.text import CONTROL

_MAX_ID = 2**31 - 1  # Source: civitai src/pages/api/v1/models/[id].ts; ids are PostgreSQL integers


def object_of(value: object) -> Mapping[str, object]:
    """The object, empty where it is none."""
    return value if isinstance(value, dict) else {}


def entries_of(value: object) -> Sequence[object]:
    """The entries of an array, none where it is none."""
    return value if isinstance(value, list) else ()


def line_of(value: object) -> str | None:
    """The text on one line, without what cannot be stored; None where there is none."""
    return (" ".join(CONTROL.sub(" ", value).split()) or None) if isinstance(value, str) else None


def id_of(value: object) -> int | None:
    """A number that CivitAI gives to models and versions."""
    return value if type(value) is int and 1 <= value <= _MAX_ID else None
