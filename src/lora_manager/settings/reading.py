"""Reading variables one by one, and remembering what is wrong with each."""

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from lora_manager.domain.errors import InvalidField, InvalidInput

T = TypeVar("T")


def mask_url(url: str) -> str:
    """The URL with its password, and any query, hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    is_file = parts.scheme.startswith("sqlite") and not parts.netloc
    if not is_file and "@" in parts.path + parts.query + parts.fragment:
        return "***"  # no scheme in front, or a password with an unquoted /, ? or #, which ends the host too early
    if parts.password is None and not parts.query:
        return url
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}:***@" if parts.password is not None else ""
    return urlunsplit((parts.scheme, user + host, parts.path, "***" if parts.query else "", ""))


class Reading:
    """Reads what is given; a variable that is empty counts as not set.

    :param environ: the variables by name
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.given = {name: value for name, value in environ.items() if value.strip()}
        self.problems: list[InvalidField] = []

    def read(self, name: str, parse: Callable[[str], T], default: T, mask: Callable[[str], str] = mask_url) -> T:
        """The value of one variable, or its default where it is not set or wrong.

        :param mask: what is shown of a wrong value
        """
        try:
            return parse(self.given[name]) if name in self.given else default
        except (ValueError, InvalidInput) as error:
            self.problems.append(InvalidField(name, f"holds {mask(self.given[name])!r}; {error}"))
            return default

    def refuse(self, name: str, reason: str) -> None:
        """This variable, or its absence, is wrong."""
        self.problems.append(InvalidField(name, reason))
