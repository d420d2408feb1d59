"""The settings of a deployment, read from the environment; every wrong one is named at once."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.delivery.targets import COMMAND_NAME
from lora_manager.domain.errors import InvalidField, InvalidFields, InvalidInput
from lora_manager.domain.prompt import TemplateDialect

T = TypeVar("T")

LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})

# Promised for later versions. Ignoring them would leave a user believing in a protection or a copy that is not there.
_NOT_YET = ("API_KEY", "API_KEYS_FILE", "METADATA_SYNC")
_QUEUES = ("redis", "rediss", "postgresql", "postgres")


class InvalidSettings(InvalidFields):
    """One or more settings are wrong; each is named with what it holds (secrets masked) and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment is told.

    :param database_url: where the registry is kept; may hold a password, so it stays out of the repr
    :param auto_migrate: bring the database up to date at start
    :param library_roots: absolute folders that LoRA files may lie in
    :param token_format: the template of a token, None for the default dialect
    :param queue_url: of the broker that wakes workers; None: the worker is in the process that serves
    :param cli_commands: what a delivery may run here, by name, each as a program and its arguments
    :param worker_concurrency: how many deliveries one worker works on at once, 1 or more
    :param runtime_concurrency: how many deliveries one ComfyUI, SD.Next, A1111 or command gets at once, 1 or more
    :param worker_lease_s: seconds after which what a dead worker held goes to another, 1 or more
    :param worker_grace_s: seconds that what is being sent gets to end when a worker is told to stop
    """

    data_dir: Path
    database_url: str
    auto_migrate: bool
    library_roots: tuple[str, ...]
    token_format: str | None
    queue_url: str | None
    delivery_allowed_hosts: AllowedHosts
    cli_commands: Mapping[str, tuple[str, ...]]
    worker_concurrency: int
    runtime_concurrency: int
    worker_lease_s: int
    worker_grace_s: int
    log_format: str
    log_level: str

    @property
    def artefacts_dir(self) -> str:
        """Where deliveries leave files."""
        return str(self.data_dir / "deliveries")

    def __repr__(self) -> str:
        return f"Settings(database={mask_url(self.database_url)!r}, library_roots={self.library_roots!r})"


def mask_url(url: str) -> str:
    """The URL with its password, and any query, hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    is_path = not parts.scheme or parts.scheme.startswith("sqlite")
    if not is_path and "@" in parts.path + parts.query + parts.fragment:
        return "***"  # a password with an unquoted /, ? or #, which ends the host too early
    if parts.password is None and not parts.query:
        return url
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}:***@" if parts.password is not None else ""
    return urlunsplit((parts.scheme, user + host, parts.path, "***" if parts.query else "", ""))


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set.

    :raises InvalidSettings: naming every wrong variable
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    problems = [*_not_yet(given)]
    queue_name = "REDIS_URL" if "REDIS_URL" in given else "QUEUE_URL"
    if given.get("QUEUE_URL", given.get(queue_name)) != given.get(queue_name):
        problems.append(
            InvalidField("REDIS_URL", "is another name of QUEUE_URL, which is set to something else; unset one")
        )

    def read(name: str, parse: Callable[[str], T], default: T, mask: Callable[[str], str] = mask_url) -> T:
        try:
            return parse(given[name]) if name in given else default
        except (ValueError, InvalidInput) as error:
            problems.append(InvalidField(name, f"holds {mask(given[name])!r}; {error}"))
            return default

    data_dir = Path(given.get("DATA_DIR", "data")).absolute()
    database_url = given.get("DATABASE_URL", f"sqlite:///{data_dir / 'db.sqlite'}")
    settings = Settings(
        data_dir=data_dir,
        database_url=database_url,
        auto_migrate=read("AUTO_MIGRATE", _boolean, database_url.startswith("sqlite")),
        library_roots=read("LIBRARY_ROOTS", _folders, (os.path.abspath("loras"),)),
        token_format=read("TOKEN_FORMAT", _token_format, None),
        queue_url=read(queue_name, _queue_url, None),
        delivery_allowed_hosts=read("DELIVERY_ALLOWED_HOSTS", AllowedHosts.parse, AllowedHosts.parse("loopback")),
        cli_commands=read("CLI_COMMANDS", _commands, {}, _mask_commands),
        worker_concurrency=read("WORKER_CONCURRENCY", _whole_number(1, 1_000), 50),
        runtime_concurrency=read("RUNTIME_CONCURRENCY", _whole_number(1, 100), 1),
        worker_lease_s=read("WORKER_LEASE_S", _whole_number(1, 3_600), 30),
        worker_grace_s=read("WORKER_GRACE_S", _whole_number(0, 3_600), 10),
        log_format=read("LOG_FORMAT", _one_of(LOG_FORMATS), "console"),
        log_level=read("LOG_LEVEL", _one_of(LOG_LEVELS), "info"),
    )
    if problems:
        raise InvalidSettings(problems)
    return settings


def _not_yet(given: Mapping[str, str]) -> Iterator[InvalidField]:
    for name in _NOT_YET:
        if name in given and given[name].strip().lower() not in _NO:
            yield InvalidField(name, "is set, but this version does not support it yet; unset it")
    if given.get("STORAGE_TYPE", "local").strip().lower() != "local":
        yield InvalidField("STORAGE_TYPE", f"holds {given['STORAGE_TYPE']!r}; this version supports only local")


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError("allowed are true and false")
    return word in _YES


def _folders(text: str) -> tuple[str, ...]:
    folders = tuple(os.path.abspath(os.path.expanduser(part)) for part in text.split(os.pathsep) if part.strip())
    if not folders:
        raise ValueError(f"must name at least one folder; several are separated by {os.pathsep!r}")
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    return folders


def _token_format(text: str) -> str:
    TemplateDialect(text)
    return text


def _queue_url(text: str) -> str:
    scheme, separator, rest = text.strip().partition("://")
    system = scheme.partition("+")[0].lower()
    if not separator or system not in _QUEUES:
        raise ValueError("must be a URL that begins with redis://, rediss:// or postgresql://")
    return f"{system}://{rest}"


def _commands(text: str) -> dict[str, tuple[str, ...]]:
    try:
        if not _is_json(text):
            text = Path(os.path.expanduser(text.strip())).read_text(encoding="utf-8")
        commands = json.loads(text)
    except (OSError, ValueError) as error:
        raise ValueError(f"must be a JSON object, or the path of a file that holds one ({error})") from error
    if not isinstance(commands, dict) or not all(map(_is_command, commands.items())):
        raise ValueError(
            'must map each name to a program and its arguments: {"draw": ["/usr/bin/draw", "{prompt_file}"]}'
        )
    return {name: tuple(arguments) for name, arguments in commands.items()}


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("{", "["))


def _mask_commands(text: str) -> str:
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


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text) if text.strip().isascii() and text.strip().isdigit() else -1
        if not low <= number <= high:
            raise ValueError(f"allowed are whole numbers from {low} to {high}")
        return number

    return parse


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"allowed are {', '.join(allowed)}")
        return word

    return parse
