"""What DATABASE_URL may say."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lora_manager.domain.errors import InvalidInput

_ALLOWED = (
    "DATABASE_URL must be sqlite:///relative/path.sqlite, sqlite:////absolute/path.sqlite "
    "or postgresql://user:password@host:port/database"
)
_HIDDEN = "postgresql://***"


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database in one file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A database on a server.

    :param dsn: as asyncpg reads it, secrets included; ``str()`` shows host and database only, and
        neither where a password might be among them
    """

    dsn: str

    def __repr__(self) -> str:
        return f"PostgresServer({self})"

    def __str__(self) -> str:
        try:
            parts = urlsplit(self.dsn)
        except ValueError:
            return _HIDDEN
        if "@" in parts.path + parts.query + parts.fragment:
            return _HIDDEN  # a password with an unquoted /, ? or #, which ends the host too early
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def parse_url(url: str) -> SqliteFile | PostgresServer:
    """Read a DATABASE_URL; a driver named in it (``+psycopg2``, ``+aiosqlite``) is passed over.

    :raises InvalidInput: it names no file or server that we can use; the message shows no secret
    """
    scheme, separator, rest = url.strip().partition("://")
    system = scheme.partition("+")[0].lower()
    if separator and system in {"postgresql", "postgres"}:
        return PostgresServer(f"postgresql://{rest}")
    if separator and system == "sqlite":
        return SqliteFile(_path(rest))
    raise InvalidInput(f"{_ALLOWED}; this one begins with {scheme!r}" if separator else _ALLOWED)


def _path(rest: str) -> Path:
    slash, name = rest[:1], rest[1:]
    if slash != "/" or "?" in name:
        raise InvalidInput(f"{_ALLOWED}; one of SQLite names a file and nothing else (three slashes, or four)")
    if name in {"", ":memory:"} or name.startswith("file:"):
        raise InvalidInput(f"{_ALLOWED}; a database in memory would be forgotten at the end, name a file")
    return Path(name).absolute()
