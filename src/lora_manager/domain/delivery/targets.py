"""Where a prompt can be delivered to: what each kind of target has to be told, checked before anything is stored."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from lora_manager.domain.delivery.delivery import Mode
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.text import CONTROL
from lora_manager.domain.url import parts_of

MAX_URL = 2_048
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110 section 5.6.2, token
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,8000}")  # printable ASCII: no line can be slipped in
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")  # as most hosts are spelled; the others are looked at closely
_PATH = re.compile(r"/[!-~]*")  # printable ASCII without spaces
# What the delivery itself sets, and what belongs to the connection (RFC 9110 section 7.6.1).
_OUR_HEADERS = frozenset({
    "connection", "content-length", "content-type", "expect", "host", "idempotency-key", "keep-alive",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-delivery-attempt",
})  # fmt: skip
_MAX_HEADERS = 50
_MAX_HOST = 255  # a name has at most 253 characters (RFC 1035), an address with its zone and brackets fewer
_LISTED = 100  # problems of one kind that are told at once: an answer must not grow with what it refuses
COMMAND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """Any server that takes a POST of JSON."""

    host: str
    port: int
    path: str
    scheme: str
    headers: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where to POST to."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class CliTarget:
    """A command that this deployment knows by name; without one, only the prompt file is written."""

    template: str | None

    @property
    def runtime(self) -> str | None:
        """The command: what it does takes a machine as much as a server that draws."""
        return self.template and f"command {self.template}"


@dataclass(frozen=True, slots=True)
class ComfyTarget:
    """A ComfyUI server.

    :param base_url: without a slash at its end
    :param workflow: a graph in API format, by node id
    :param loader: the id of the node that the LoRAs are chained to; None where only one can be meant
    """

    base_url: str
    workflow: Mapping[str, object]
    loader: str | None

    @property
    def runtime(self) -> str:
        """The server, however it was spelled."""
        return _runtime(self.base_url)


@dataclass(frozen=True, slots=True)
class SdnextTarget:
    """A server with A1111's API: SD.Next, AUTOMATIC1111, Forge.

    :param base_url: without a slash at its end; may hold ``user:password@``
    :param payload: fields of txt2img beside the prompt
    """

    base_url: str
    payload: Mapping[str, object]

    @property
    def runtime(self) -> str:
        """The server, however it was spelled."""
        return _runtime(self.base_url)


Target: TypeAlias = HttpTarget | CliTarget | ComfyTarget | SdnextTarget


def runtime_of(target: Target) -> str | None:
    """The runtime that takes only so many deliveries at once; None for a target without a limit."""
    return None if isinstance(target, HttpTarget) else target.runtime


def host_of(target: Target) -> tuple[str, int] | None:
    """The host and TCP port that the target is reached at; None where no connection is made."""
    if isinstance(target, CliTarget):
        return None
    if isinstance(target, HttpTarget):
        return target.host, target.port
    return place_of(target.base_url)


def place_of(url: str) -> tuple[str, int]:
    """The host and TCP port that an http or https URL leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def parse_target(mode: Mode, params: Mapping[str, object]) -> Target:
    """The target that these parameters describe.

    :raises InvalidFields: naming every parameter that is missing, unknown or wrong, as ``params.<name>``
    """
    reader = _Params(params)
    target = _READERS[mode](reader)
    if problems := (*reader.problems, *reader.unknown()):
        raise InvalidFields(problems)
    return target


class _Params:
    """Takes parameters out one by one and notes what is wrong with them."""

    def __init__(self, params: Mapping[str, object]) -> None:
        self._params = params
        self._known: set[str] = set()
        self.problems: list[InvalidField] = []

    def refuse(self, name: str, reason: str) -> None:
        self.problems.append(InvalidField(f"params.{name}", reason))

    def get(self, name: str) -> object:
        self._known.add(name)
        return self._params.get(name)

    def text(self, name: str, default: str, is_right: Callable[[str], object], rule: str) -> str:
        """A text that keeps the rule; with an empty default it has to be given."""
        value = self.get(name)
        if value is None and default:
            return default
        if not isinstance(value, str) or not is_right(value):
            self.refuse(name, rule)
            return default
        return value

    def mapping(self, name: str) -> Mapping[str, object]:
        value = self.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.refuse(name, "must be an object")
            return {}
        return value

    def unknown(self) -> Iterator[InvalidField]:
        allowed = ", ".join(sorted(self._known))
        for name in islice((name for name in self._params if name not in self._known), _LISTED):
            yield InvalidField(f"params.{name}", f"is not known; allowed are {allowed}")


def _read_http(params: _Params) -> HttpTarget:
    scheme = params.text("scheme", "http", PORTS.__contains__, "must be http or https")
    port = params.get("port")
    if port is None:
        port = PORTS[scheme]
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65_535:  # noqa: PLR2004  # TCP
        params.refuse("port", "must be an integer from 1 to 65535")
        port = PORTS[scheme]
    host = params.text("host", "", _is_host, "must be a host name or an IP address, without scheme, port or path")
    path = params.text(
        "path", "/", _is_path, f"must begin with / and have at most {MAX_URL} characters, all printable ASCII"
    )
    return HttpTarget(host.removeprefix("[").removesuffix("]"), port, path, scheme, dict(_read_headers(params)))


def _read_headers(params: _Params) -> Iterator[tuple[str, str]]:
    headers = params.mapping("headers")
    if len(headers) > _MAX_HEADERS:
        params.refuse("headers", f"must be at most {_MAX_HEADERS}")
        return
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            params.refuse(f"headers.{name}", "is no header name")
        elif name.lower() in _OUR_HEADERS:
            params.refuse(f"headers.{name}", "is set by the delivery itself")
        elif not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            params.refuse(f"headers.{name}", "must be a text of printable ASCII characters")
        else:
            yield name, value


def _read_cli(params: _Params) -> CliTarget:
    template = params.get("template")
    if template is not None and not (isinstance(template, str) and COMMAND_NAME.fullmatch(template)):
        params.refuse("template", "must be the name of a command in CLI_COMMANDS")
        template = None
    return CliTarget(template)


def _read_comfyui(params: _Params) -> ComfyTarget:
    base_url = _read_base_url(params)
    workflow = params.mapping("workflow")
    if not workflow and not params.problems:
        params.refuse("workflow", "must be a workflow in API format (ComfyUI: Workflow, Export (API))")
    loader = params.get("loader")
    if loader is not None and not isinstance(loader, str):
        params.refuse("loader", "must be the id of a node of the workflow")
        loader = None
    return ComfyTarget(base_url, workflow, loader)


def _read_sdnext(params: _Params) -> SdnextTarget:
    payload = params.mapping("payload")
    if "prompt" in payload:
        params.refuse("payload.prompt", "is set by the delivery itself")
    return SdnextTarget(_read_base_url(params), payload)


def _read_base_url(params: _Params) -> str:
    rule = f"must be an http or https URL of at most {MAX_URL} characters, without a query"
    return params.text("base_url", "", _is_base_url, rule).rstrip("/")


_READERS: Mapping[Mode, Callable[[_Params], Target]] = {
    Mode.HTTP: _read_http,
    Mode.CLI: _read_cli,
    Mode.COMFYUI: _read_comfyui,
    Mode.SDNEXT: _read_sdnext,
}


def _is_host(value: str) -> bool:
    if _NAME.fullmatch(value):
        return True
    if len(value) > _MAX_HOST:
        return False
    host = f"[{value}]" if ":" in value and not value.startswith("[") else value
    parts = _split(f"http://{host}")
    return (
        parts is not None and bool(parts.hostname) and parts.netloc == host and "@" not in host and parts.port is None
    )


def _is_path(value: str) -> bool:
    return len(value) <= MAX_URL and _PATH.fullmatch(value) is not None and "#" not in value


def _is_base_url(value: str) -> bool:
    parts = _split(value) if len(value) <= MAX_URL else None
    return (
        parts is not None and parts.scheme in PORTS and bool(parts.hostname) and "?" not in value and "#" not in value
    )


def _split(url: str) -> SplitResult | None:
    """The parts of a URL whose every character may stand in one; None for anything else."""
    if CONTROL.search(url) or not url.isascii() or " " in url or "\\" in url:
        return None
    return parts_of(url)


def _runtime(base_url: str) -> str:
    host, port = place_of(base_url)
    return f"{'localhost' if host in {'127.0.0.1', '::1'} else host}:{port}"
