"""Every field of a value that is not of its type. msgspec stops at the first one; clients want to know all."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from uuid import UUID

import msgspec
from msgspec import inspect

from lora_manager.domain.delivery.limits import MAX_DEPTH
from lora_manager.domain.errors import InvalidField
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
            yield from _in_json(value, path)
            return
        if _accepts(option, value):
            return
    yield InvalidField(path, f"must be {' or '.join(map(_words, options))}")


def _in_json(value: object, path: str, levels: int = MAX_DEPTH) -> Iterator[InvalidField]:
    """What is wrong with a value that may be any JSON."""
    if isinstance(value, dict | list) and not levels:
        yield InvalidField(path, f"must not be nested more than {MAX_DEPTH} deep")
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _in_json(part, f"{path}.{name}", levels - 1)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _in_json(part, f"{path}[{index}]", levels - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield InvalidField(path, "must be a finite number")


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
