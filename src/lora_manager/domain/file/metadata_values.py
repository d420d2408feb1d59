"""What metadata values may mean: they are text from anywhere, so everything odd reads as absent."""

import json
import math
from collections.abc import Mapping

from lora_manager.domain.file.safetensors_json import may_hold_too_many

MAX_TEXT = 2_000
_MAX_NUMBER_TEXT = 40
_MAX_WHOLE = 2**31 - 1  # larger dimensions and counts do not occur; every database has a type for this


def clean_text(value: str) -> str:
    """The text without what cannot be stored (NUL, unpaired surrogates), trimmed, at most 2,000 characters."""
    if not value.isascii():
        value = value.encode("utf-8", "ignore").decode("utf-8")
    return value.replace("\0", "").strip()[:MAX_TEXT].rstrip()


def finite_number(value: str | None) -> float | None:
    """The number a text spells, if it is one and finite."""
    if value is None or len(value) > _MAX_NUMBER_TEXT:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def whole_number(value: str | None) -> int | None:
    """The whole number a text spells, if it is one and no larger than 2^31-1 either way."""
    number = finite_number(value)
    if number is None or not number.is_integer() or abs(number) > _MAX_WHOLE:
        return None
    return int(number)


def json_object(value: str | None) -> Mapping[str, object]:
    """The JSON object a text holds, empty if it holds none, or more values than a header may."""
    # The limit of the header does not count what stands in a text, where brackets may be written as escapes.
    if value is None or may_hold_too_many(value):
        return {}
    try:
        document: object = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
