"""Reading what clients send: JSON bodies and query strings, by type, with no coercion, naming every wrong field."""

import re
from collections import defaultdict
from functools import cache
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from lora_manager.domain.errors import MAX_PROBLEMS, InvalidField, InvalidFields, InvalidInput
from lora_manager.http.schemas.input import Input
from lora_manager.http.wrong_fields import fields_of, is_sound, wrong_fields

InputT = TypeVar("InputT", bound=Input)

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_BOOLEANS = {"true": True, "false": False}


class MalformedBody(InvalidInput):
    """A body that should be a JSON object is none."""


def read_json(kind: type[InputT], raw: bytes) -> InputT:
    """The body as a request of this kind. Of a name that comes twice the last value counts.

    :raises MalformedBody: it is not one JSON object in UTF-8
    :raises InvalidFields: naming every field that is unknown, missing or of another type
    """
    try:
        decoded: InputT = _decoder(kind).decode(raw)
    except msgspec.ValidationError as error:
        invalid = _invalid(kind, _loose(raw))
        # A name that comes twice, wrong the first time and right the second, leaves nothing wrong to name.
        raise (invalid if invalid.fields else _malformed(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    return decoded


def read_query(kind: type[InputT], raw: bytes) -> InputT:
    """The query string as a request of this kind; a field of several values is a parameter that may be repeated.

    :raises InvalidFields: naming every parameter that is unknown, repeated or cannot be read
    """
    given = _parameters(raw)
    types = {name: _bare(expected) for name, expected in fields_of(kind).items()}
    repeated = [
        InvalidField(name, "is given more than once")
        for name, values in given.items()
        if len(values) > 1 and not isinstance(types.get(name), inspect.VarTupleType)
    ]
    loose = {name: _typed(types.get(name), values) for name, values in given.items()}
    if repeated:
        raise _invalid(kind, loose, repeated)
    try:
        return msgspec.convert(loose, kind)
    except msgspec.ValidationError:
        raise _invalid(kind, loose) from None


@cache
def _decoder(kind: type[Input]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


# A number beyond every float becomes infinity here, so that the field it stands in can be named.
_LOOSE = msgspec.json.Decoder(dict[str, object], float_hook=float)


def _loose(raw: bytes) -> dict[str, object]:
    try:
        return _LOOSE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def _malformed(error: Exception) -> MalformedBody:
    return MalformedBody(f"the body must be one JSON object in UTF-8: {error}")


def _invalid(kind: type[Input], loose: dict[str, object], known: list[InvalidField] | None = None) -> InvalidFields:
    """All that is wrong: with the types, and with the limits of those fields whose type is right."""
    wrong = [*(known or ()), *islice(wrong_fields(kind, loose), MAX_PROBLEMS)]
    types = fields_of(kind)
    sound = {name: value for name, value in loose.items() if name in types and is_sound(types[name], value)}
    try:
        kind.check(sound)
    except InvalidFields as error:
        wrong += error.fields
    return InvalidFields(wrong)


def _parameters(raw: bytes) -> dict[str, list[str]]:
    given: dict[str, list[str]] = defaultdict(list)
    try:
        for name, value in parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict"):
            given[name].append(value)
    except UnicodeDecodeError:
        raise InvalidFields([InvalidField("query", "must be percent-encoded UTF-8")]) from None
    return given


def _bare(expected: inspect.Type | None) -> inspect.Type | None:
    """The type without what only documents it."""
    return expected.type if isinstance(expected, inspect.Metadata) else expected


def _typed(expected: inspect.Type | None, values: list[str]) -> object:
    """The value as JSON would have it; text that is no such value stays text, and is refused as that."""
    if isinstance(expected, inspect.VarTupleType):
        return values
    text = values[-1]
    if isinstance(expected, inspect.IntType) and _INTEGER.fullmatch(text):
        return int(text)
    if isinstance(expected, inspect.BoolType):
        return _BOOLEANS.get(text, text)
    return text
