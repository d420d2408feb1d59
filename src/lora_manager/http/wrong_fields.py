"""Every field of a value that is not of its type. msgspec stops at the first one; clients want to know all."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from uuid import UUID

import msgspec
from msgspec import inspect

from lora_manager.domain.delivery.limits import MAX_DEPTH
from lora_manager.domain.errors import MAX_FIELD_NAME, InvalidField
from lora_manager.http.schemas.input import Input

_LEAVES: Mapping[type[inspect.Type], tuple[type | None, str]] = {
    inspect.NoneType: (None, "null"),
    inspect.BoolType: (bool, "true or false"),
    inspect.IntType: (int, "an integer"),
    inspect.FloatType: (float, "a finite number"),
    inspect.StrType: (str, "a string"),
    inspect.UUIDType: (UUID, "a UUID"),
}


@cache
def fields_of(kind: type[Input]) -> Mapping[str, inspect.Type]:
    """The types of a request's fields by name."""
    return {field.name: field.type for field in _struct(kind).fields}


def wrong_fields(kind: type[Input], value: Mapping[str, object]) -> Iterator[InvalidField]:
    """The fields of a decoded JSON object that a request of this kind may not have, or not so."""
    return _in_object(_struct(kind), value, "")


def is_sound(expected: inspect.Type, value: object) -> bool:
    """Whether nothing in the value is of another type than expected."""
    return next(_in_value(expected, value, ""), None) is None


def _struct(kind: type[Input]) -> inspect.StructType:
    info = inspect.type_info(kind)
    if not isinstance(info, inspect.StructType):
        raise TypeError(kind)
    return info


def _in_object(expected: inspect.StructType, value: Mapping[str, object], path: str) -> Iterator[InvalidField]:
    for field in expected.fields:
        if field.name in value:
            yield from _in_value(field.type, value[field.name], path + field.name)
        elif field.required:
            yield InvalidField(path + field.name, "is required")
    for name in sorted(value.keys() - {field.name for field in expected.fields}):
        is_shown = issubclass(expected.cls, Input) and name in expected.cls.read_only
        yield InvalidField(path + name, "cannot be set" if is_shown else "is not known here")


def _in_value(expected: inspect.Type, value: object, path: str) -> Iterator[InvalidField]:
    options = _options(expected)
    for option in options:
        if isinstance(option, inspect.StructType) and isinstance(value, dict):
            yield from _in_object(option, value, path + ".")
            return
        if isinstance(option, inspect.VarTupleType) and isinstance(value, list):
            for index, item in enumerate(value):
                yield from _in_value(option.item_type, item, f"{path}[{index}]")
            return
        if isinstance(option, inspect.DictType) and isinstance(value, dict):
            for inner, reason in _in_json(value):
                yield InvalidField(path + inner, reason)
            return
        if _accepts(option, value):
            return
    yield InvalidField(path, f"must be {' or '.join(map(_words, options))}")


def _in_json(value: dict[str, object] | list[object] | float, levels: int = MAX_DEPTH) -> Iterator[tuple[str, str]]:
    """What is wrong with a value that may be any JSON: the path to it from here, and the reason.

    A path grows from its end, and only for a problem: names are the client's, and may be as long as the body.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            yield "", "must be a finite number"
    elif not levels:
        yield "", f"must not be nested more than {MAX_DEPTH} deep"
    else:
        for step, part in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(part, dict | list | float):  # no other can be wrong
                for path, reason in _in_json(part, levels - 1):
                    here = f"[{step}]" if isinstance(step, int) else f".{step[:MAX_FIELD_NAME]}"
                    yield (here + path)[:MAX_FIELD_NAME], reason


def _options(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    """The types a value may have, without what only documents them."""
    if isinstance(expected, inspect.Metadata):
        return _options(expected.type)
    if isinstance(expected, inspect.UnionType):
        return tuple(option for member in expected.types for option in _options(member))
    return (expected,)


def _accepts(expected: inspect.Type, value: object) -> bool:
    """Whether the value is of this type, where the type is neither an object nor an array."""
    if isinstance(expected, inspect.EnumType):
        kind: type | None = expected.cls
    elif type(expected) in _LEAVES:
        kind = _LEAVES[type(expected)][0]
    else:
        return False
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return not isinstance(value, float) or math.isfinite(value)


def _words(expected: inspect.Type) -> str:
    if isinstance(expected, inspect.EnumType):
        return f"one of {', '.join(str(member.value) for member in expected.cls)}"
    if type(expected) in _LEAVES:
        return _LEAVES[type(expected)][1]
    return "an object" if isinstance(expected, inspect.StructType | inspect.DictType) else "an array"
