"""The parameters of a target, as the command line is told them."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import click

_STDIN = "-"


def read_params(source: str | None, pairs: Iterable[str]) -> dict[str, object]:
    """The parameters in a JSON file, and those given one by one, which win.

    :param source: the file's path, ``-`` for stdin, None for no file
    :param pairs: ``KEY=VALUE`` each; a dot in a key leads into an object, a value ``@path`` is the JSON in a file
    :raises click.BadParameter: one of them cannot be read
    """
    params = {} if source is None else _read_object(source)
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not all(key.split(".")):
            raise click.BadParameter(f"{key!r} is no KEY=VALUE", param_hint="--param")
        _put(params, key, _value_of(value))
    return params


def _read_object(source: str) -> dict[str, object]:
    content = _read_json(source, "--params")
    if not isinstance(content, dict):
        raise click.BadParameter(f"{source} must hold a JSON object", param_hint="--params")
    return content


def _value_of(text: str) -> object:
    """What a value means: the content of a file, JSON, or the text itself."""
    if text.startswith("@"):
        return _read_json(text[1:], "--param")
    try:
        return _parse(text)
    except (ValueError, RecursionError):
        return text


def _read_json(source: str, option: str) -> object:
    try:
        return _parse(sys.stdin.buffer.read() if source == _STDIN else Path(source).read_bytes())
    except OSError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{source} holds no JSON: {error}", param_hint=option) from error


def _parse(text: str | bytes) -> object:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")  # Python would take it


def _put(params: dict[str, object], key: str, value: object) -> None:
    *path, name = key.split(".")
    for depth, part in enumerate(path, start=1):
        inner = params.setdefault(part, {})
        if not isinstance(inner, dict):
            above = ".".join(path[:depth])
            raise click.BadParameter(f"{key}: {above} is no object", param_hint="--param")
        params = inner
    params[name] = value
