"""The parameters of a target as they may be shown: without the secrets in them."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, pairwise
from types import MappingProxyType
from urllib.parse import unquote_plus

from lora_manager.domain.delivery.delivery import Mode

MASK = "***"
# Of headers, what may be shown is named: anybody can call a header that holds a secret anything.
_HARMLESS_HEADERS = frozenset({
    "accept", "accept-encoding", "accept-language", "cache-control", "content-language", "prefer", "traceparent",
    "user-agent", "x-request-id",
})  # fmt: skip
_SECRET_WORDS = frozenset({
    "apikey", "auth", "authorization", "bearer", "cookie", "credential", "credentials", "passphrase", "passwd",
    "password", "passwords", "pwd", "secret", "secrets", "token",
})  # fmt: skip
_KEYS = frozenset({"access", "api", "auth", "private"})  # a key of this kind is a secret: api_key, privateKey
_SECRET_IN_QUERY = frozenset({"key", "sig", "signature"})  # mean nothing else in a query, and much else in a workflow
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_USERINFO = re.compile(r"(?P<scheme>[^/@]*//)(?P<userinfo>[^/]*)@(?P<rest>[^/@]*(?:/.*)?)", re.DOTALL)


def masked(mode: Mode, params: Mapping[str, object]) -> Mapping[str, object]:
    """The same parameters with every secret replaced by ``***``.

    Secret are: the values of all HTTP headers but a few harmless ones; the password in ``base_url``; and what stands
    in a query, a workflow or a payload under a name with a word such as password, token or api_key in it.

    :param params: as :func:`parse_target` takes them

    >>> masked(Mode.SDNEXT, {"base_url": "http://me:pass@host", "payload": {"steps": 20, "apiKey": "x"}})
    {'base_url': 'http://me:***@host', 'payload': {'steps': 20, 'apiKey': '***'}}
    """
    rules = _RULES[mode]
    return {name: rules[name](value) if name in rules else value for name, value in params.items()}


def gives_access(url: str) -> bool:
    """Whether an address itself opens what it leads to: by a name or password in it, or by a key or signature.

    >>> gives_access("https://host/image.png?X-Amz-Signature=5f")
    True
    """
    place, _, fragment = url.partition("#")
    return _masked_path(_masked_url(place)) != place or _masked_path(f"?{fragment}") != f"?{fragment}"


def _masked_headers(headers: object) -> object:
    if not isinstance(headers, Mapping):
        return headers
    return {name: value if name.lower() in _HARMLESS_HEADERS else MASK for name, value in headers.items()}


def _masked_path(path: object) -> object:
    if not isinstance(path, str):
        return path
    before, mark, query = path.partition("?")
    return before + mark + "&".join(_masked_pair(pair) for pair in query.split("&"))


def _masked_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    plain = unquote_plus(name)
    is_secret = _is_secret(plain) or not _SECRET_IN_QUERY.isdisjoint(_words(plain))
    return f"{name}={MASK}" if equals and is_secret else pair


def _masked_url(url: object) -> object:
    """The URL without its password; a name without a password may be a key, and goes too."""
    if not isinstance(url, str) or (match := _USERINFO.fullmatch(url)) is None:
        return url
    name, _, password = match["userinfo"].partition(":")
    shown = f"{name}:{MASK}" if password else MASK
    return f"{match['scheme']}{shown}@{match['rest']}"


def _masked_tree(value: object, *, is_secret: bool = False) -> object:
    """The same objects and arrays; of what is secret, every value in them but null is masked."""
    if isinstance(value, Mapping):
        return {key: _masked_tree(item, is_secret=is_secret or _is_secret(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked_tree(item, is_secret=is_secret) for item in value]
    return MASK if is_secret and value is not None else value


def _is_secret(name: str) -> bool:
    """Whether a name says that what stands under it is secret: ``token`` does, ``max_tokens`` and ``author`` do not."""
    return any(
        word in _SECRET_WORDS or (before in _KEYS and word == "key")
        for before, word in pairwise(chain([""], _words(name)))
    )


def _words(name: str) -> Iterator[str]:
    """The words of a name in snake_case, kebab-case or camelCase, one by one: a name may be megabytes long."""
    return (match[0].lower() for match in _WORD.finditer(name))


_RULES: Mapping[Mode, Mapping[str, Callable[[object], object]]] = MappingProxyType({
    Mode.HTTP: {"headers": _masked_headers, "path": _masked_path},
    Mode.CLI: {},
    Mode.COMFYUI: {"base_url": _masked_url, "workflow": _masked_tree},
    Mode.SDNEXT: {"base_url": _masked_url, "payload": _masked_tree},
})  # fmt: skip
