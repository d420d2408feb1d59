"""The JSON of a safetensors header, read as strictly as the reference library reads it.

Python's own reader accepts repeated names, half characters, NaN and numbers without end: two readers could then see two
different files. Source: https://docs.rs/serde_json, the reader of the reference library.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import NoReturn, TypeAlias

from lora_manager.domain.file.safetensors_errors import (
    HeaderNotAnObject,
    HeaderNotJson,
    HeaderNotUtf8,
    HeaderTooDeep,
    HeaderTooManyValues,
)

Object: TypeAlias = tuple[tuple[str, object], ...]
"""A JSON object as its pairs: a dict would hide that a name stands twice. Arrays are lists, so no other is a tuple."""

MAX_VALUES = 2_000_000  # a tensor needs about eight; the largest published models have some thousand tensors
MAX_DEPTH = 128  # Source: serde_json, remaining_depth
_FIELD_DEPTH = 3  # of what stands in a field of a tensor
_SURROGATE = re.compile(rb"\\u[dD]")


def read_object(raw: bytes) -> Object:
    """The header as an object.

    :raises InvalidSafetensors: it is none, or no JSON
    """
    try:
        text = raw.decode()
        if may_hold_too_many(text):
            raise HeaderTooManyValues(MAX_VALUES)
        document: object = _DECODER.decode(text)
        if _SURROGATE.search(raw):
            # Python accepts half a surrogate pair, which is no text: UTF-8 cannot encode it.
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise HeaderNotUtf8(error.start) from error
    except UnicodeEncodeError as error:
        raise HeaderNotJson("it holds an unpaired surrogate") from error
    except RecursionError as error:
        raise HeaderTooDeep(MAX_DEPTH) from error
    except json.JSONDecodeError as error:
        raise HeaderNotJson(f"{error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise HeaderNotJson("it holds a number of too many digits") from error
    if type(document) is not tuple:
        raise HeaderNotAnObject(kind_of(document))
    return document


def part_first(raw: bytes, name: str) -> tuple[object, bytes] | None:
    """The value of the first field, and the object without that field; None where it does not begin with this name.

    :param raw: the header as written without blanks at its beginning; what follows the first field is not read
    :raises InvalidSafetensors: the value is no JSON
    """
    opening = f'{{"{name}":'.encode()
    if not raw.startswith(opening) or _SURROGATE.search(raw):
        return None
    try:
        text = raw.decode()
        value, end = _DECODER.raw_decode(text, len(opening))
    except (ValueError, RecursionError) as error:
        raise HeaderNotJson("its first field is none") from error
    rest = text[end:]
    return (value, b"{" + rest[1:].encode()) if rest.startswith(',"') else None


def may_hold_too_many(text: str) -> bool:
    """Whether a JSON text would unfold to more than :data:`MAX_VALUES` values, as far as can be told unread."""
    # Every JSON value is preceded by one of these three characters, so a shorter text cannot hold too many.
    return len(text) > MAX_VALUES and text.count(",") + text.count("[") + text.count("{") > MAX_VALUES


def check_unread(field: object) -> None:
    """Refuse, in a field that nobody reads, the depth and the numbers that the reference's JSON reader refuses."""
    unread = [(field, _FIELD_DEPTH)]
    while unread:
        value, depth = unread.pop()
        if isinstance(value, tuple | list):
            if depth >= MAX_DEPTH:
                raise HeaderTooDeep(MAX_DEPTH)
            items = (item for _, item in value) if isinstance(value, tuple) else value
            unread.extend((item, depth + 1) for item in items)
        elif isinstance(value, int):
            _finite(value)


def kind_of(value: object) -> str:
    """The JSON name of a value's type."""
    return _JSON_KINDS.get(type(value), "null")


def _finite(number: str | int) -> float:
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise HeaderNotJson("it holds a number out of range")
    return value


def _refuse_constant(text: str) -> NoReturn:
    raise HeaderNotJson(f"{text} is no JSON number")


_JSON_KINDS: Mapping[type, str] = {
    tuple: "an object", list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number",
}  # fmt: skip
_DECODER = json.JSONDecoder(object_pairs_hook=tuple, parse_float=_finite, parse_constant=_refuse_constant)
