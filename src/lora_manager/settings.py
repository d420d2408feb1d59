"""The settings of a deployment, read from the environment; every wrong one is named at once."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from lora_manager.domain.errors import InvalidField, InvalidFields, InvalidInput
from lora_manager.domain.prompt import TemplateDialect

T = TypeVar("T")

LOG_FORMATS = ("console", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})

# Promised for later versions. Ignoring them would leave a user believing in a protection or a copy that is not there.
_NOT_YET = ("API_KEY", "API_KEYS_FILE", "METADATA_SYNC", "QUEUE_URL", "REDIS_URL")


class InvalidSettings(InvalidFields):
    """One or more settings are wrong; each is named with what it holds (secrets masked) and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a deployment is told.

    :param database_url: where the registry is kept; may hold a password, so it stays out of the repr
    :param auto_migrate: bring the database up to date at start
    :param library_roots: absolute folders that LoRA files may lie in
    :param token_format: the template of a token, None for the default dialect
    """

    data_dir: Path
    database_url: str
    auto_migrate: bool
    library_roots: tuple[str, ...]
    token_format: str | None
    log_format: str
    log_level: str

    def __repr__(self) -> str:
        return f"Settings(database={mask_url(self.database_url)!r}, library_roots={self.library_roots!r})"


def mask_url(url: str) -> str:
    """The URL with its password, and any query, hidden."""
    try:
        parts = urlsplit(url)
        if parts.password is None and not parts.query:
            return url
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return "***"
    user = f"{parts.username}:***@" if parts.password is not None else ""
    return urlunsplit((parts.scheme, user + host, parts.path, "***" if parts.query else "", ""))


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; an empty variable counts as not set.

    :raises InvalidSettings: naming every wrong variable
    """
    given = {name: value for name, value in environ.items() if value.strip()}
    problems = [*_not_yet(given)]

    def read(name: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(given[name]) if name in given else default
        except (ValueError, InvalidInput) as error:
            problems.append(InvalidField(name, f"holds {given[name]!r}; {error}"))
            return default

    data_dir = Path(given.get("DATA_DIR", "data")).absolute()
    database_url = given.get("DATABASE_URL", f"sqlite:///{data_dir / 'db.sqlite'}")
    settings = Settings(
        data_dir=data_dir,
        database_url=database_url,
        auto_migrate=read("AUTO_MIGRATE", _boolean, database_url.startswith("sqlite")),
        library_roots=read("LIBRARY_ROOTS", _folders, (os.path.abspath("loras"),)),
        token_format=read("TOKEN_FORMAT", _token_format, None),
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


def _one_of(allowed: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        word = text.strip().lower()
        if word not in allowed:
            raise ValueError(f"allowed are {', '.join(allowed)}")
        return word

    return parse
