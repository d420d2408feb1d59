"""Reading the text of one setting; what it may not hold is a ``ValueError`` that says what is allowed."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from lora_manager.domain.blob import check_key
from lora_manager.domain.delivery.targets import COMMAND_NAME
from lora_manager.domain.prompt import TemplateDialect
from lora_manager.domain.url import parts_of

YES, NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})
_QUEUES = ("redis", "rediss", "postgresql", "postgres")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")


def boolean(text: str) -> bool:
    """Yes or no."""
    word = text.strip().lower()
    if word not in YES | NO:
        raise ValueError("allowed are true and false")
    return word in YES


def folders(text: str) -> tuple[str, ...]:
    """Absolute folders, from a list of them."""
    parts = [part for part in text.split(os.pathsep) if part.strip()]
    if not parts:
        raise ValueError(f"must name at least one folder; several are separated by {os.pathsep!r}")
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    return tuple(os.path.abspath(os.path.expanduser(part)) for part in parts)


def file(text: str) -> Path:
    """The absolute path of a file; ``~`` is the home folder."""
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("begins with the home folder of a user that this system does not know") from error


def token_format(text: str) -> str:
    """The template of a token."""
    TemplateDialect(text)
    return text


def queue_url(text: str) -> str:
    """The URL of a broker, without the name of a driver."""
    scheme, separator, rest = text.strip().partition("://")
    system = scheme.partition("+")[0].lower()
    if not separator or system not in _QUEUES:
        raise ValueError("must be a URL that begins with redis://, rediss:// or postgresql://")
    return f"{system}://{rest}"


def commands(text: str) -> dict[str, tuple[str, ...]]:
    """Commands by name: a JSON object, or the path of a file that holds one."""
    try:
        if not _is_json(text):
            text = Path(os.path.expanduser(text.strip())).read_text(encoding="utf-8")
        commands = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"must be a JSON object, or the path of a file that holds one ({error})") from error
    if not isinstance(commands, dict) or not all(map(_is_command, commands.items())):
        raise ValueError(
            'must map each name to a program and its arguments: {"draw": ["/usr/bin/draw", "{prompt_file}"]}'
        )
    return {name: tuple(arguments) for name, arguments in commands.items()}


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "["))


def mask_commands(text: str) -> str:
    """The path of the file, or a sign for the commands themselves: their arguments may be secrets."""
    return "{...}" if _is_json(text) else text


def _is_command(item: tuple[str, object]) -> bool:
    name, arguments = item
    return (
        COMMAND_NAME.fullmatch(name) is not None
        and isinstance(arguments, list)
        and any(arguments[:1])
        and all(isinstance(argument, str) and "\x00" not in argument for argument in arguments)
    )


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Reads a number from ``low`` to ``high``."""

    def parse(text: str) -> int:
        number = int(text) if text.strip().isascii() and text.strip().isdigit() else -1
        if not low <= number <= high:
            raise ValueError(f"allowed are whole numbers from {low} to {high}")
        return number

    return parse


def one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    """Reads one of these words, in any case."""

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"allowed are {', '.join(allowed)}")
        return word

    return parse


def bucket(text: str) -> str:
    """The name of a bucket."""
    name = text.strip()
    if not _BUCKET.fullmatch(name):
        raise ValueError("must be the name of a bucket alone: letters, digits, dots and hyphens, without s3://")
    return name


def prefix(text: str) -> str:
    """What keys in a bucket begin with: folders, without the slashes around them; "/" is none."""
    folders = text.strip().strip("/")
    return check_key(folders) if folders else ""


def address(text: str) -> str:
    """An http or https URL, without a slash at its end."""
    url = text.strip().rstrip("/")
    parts = parts_of(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL that begins with http:// or https://, with a host and without ? and #")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password")
    return url


def secret(text: str) -> str:
    """A key or password."""
    key = text.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("must be printable ASCII without spaces")
    return key


def hidden(_: str) -> str:
    """What is shown of a secret."""
    return "***"
