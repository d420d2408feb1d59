"""Who may use the service, how often, and from where."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from lora_manager.domain.url import parts_of
from lora_manager.settings import values
from lora_manager.settings.reading import Reading, mask_url

MAX_UPLOAD = 32 * 2**30  # bytes; the largest LoRAs of today's largest models are a tenth of that
_RATE = re.compile(r"(?P<count>[1-9][0-9]{0,8})\s*(?:/|per)\s*(?P<unit>second|minute|hour|day|s|min|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}  # by the first letter
_LABEL = r"[a-z0-9_][a-z0-9_-]{0,62}"  # of a name: what stands between two dots
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """Who may use the service, how often, and from where.

    :param api_key: one key that may do everything
    :param keys_file: where the keys that ``lora-manager keys`` makes are kept
    :param keys_file_is_named: whether the deployment names it: then it has to be there
    :param rate_limit: for each key, or each address where no key is needed; None: no limit
    :param allowed_hosts: names, in lower case, by which the service may be addressed besides addresses and localhost,
        as long as no key is needed
    :param cors_origins: of web pages that may use the service
    :param max_upload_bytes: 1 or more
    """

    api_key: str | None = field(repr=False)
    keys_file: Path
    keys_file_is_named: bool
    rate_limit: Rate | None
    allowed_hosts: frozenset[str]
    cors_origins: tuple[str, ...]
    max_upload_bytes: int


def read_access(reading: Reading, data_dir: Path) -> AccessSettings:
    """Who may use the service; keys are kept beside the database unless a file is named."""
    read = reading.read
    return AccessSettings(
        api_key=read("API_KEY", values.secret, None, values.hidden),
        keys_file=read("API_KEYS_FILE", values.file, data_dir / "api-keys.json"),
        keys_file_is_named="API_KEYS_FILE" in reading.given,
        rate_limit=read("RATE_LIMIT", rate, None),
        allowed_hosts=read("ALLOWED_HOSTS", host_names, frozenset()),
        cors_origins=read("CORS_ORIGINS", origins, ()),
        max_upload_bytes=read("MAX_UPLOAD_BYTES", values.whole_number(1, 2**50), MAX_UPLOAD),
    )


def rate(text: str) -> Rate:
    """A number of requests in a unit of time."""
    match = _RATE.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError("must be a number of requests in a second, minute, hour or day, such as 600/minute")
    return Rate(int(match["count"]), _SECONDS[match["unit"][0]])


def host_names(text: str) -> frozenset[str]:
    """Names of hosts, without TCP ports."""
    names = frozenset(text.lower().replace(",", " ").split())
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a host; allowed are names without scheme and port")
    return names


def origins(text: str) -> tuple[str, ...]:
    """Origins of web pages: a scheme, a host and maybe a TCP port."""
    listed = tuple(dict.fromkeys(text.replace(",", " ").split()))
    for origin in listed:
        if not _is_origin(origin):
            shown = mask_url(origin)
            raise ValueError(f"{shown!r} is no origin; allowed are such as https://studio.example:8443, never *")
    return listed


def _is_origin(text: str) -> bool:
    parts = parts_of(text)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname or "@" in text:
        return False
    return text == f"{parts.scheme}://{parts.netloc}"
