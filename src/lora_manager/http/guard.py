"""Who gets in: what is asked of a request before it is handled."""

import logging
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from lora_manager.app.access.authenticate import Authenticate
from lora_manager.domain.access import ANYBODY, Caller, Scope, TooManyRequests, Unauthenticated
from lora_manager.domain.errors import Forbidden, Unavailable
from lora_manager.http.exposure import Exposure
from lora_manager.ports.rate_limiter import RateLimiter
from lora_manager.ports.trail import CALLER, go_on

_logger = logging.getLogger(__name__)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = b"bearer "
_MAX_KNOWN_HOSTS = 1_000


class HostNotAllowed(Forbidden):
    """The service was addressed by a name that is not its own: a page may have had that name point here."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"{host!r} is no name of this service; address it as localhost or by its IP address, add the name to "
            "ALLOWED_HOSTS, or make an API key, with which names do not matter"
        )


class CrossSite(Forbidden):
    """A web page of another site has sent this."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        super().__init__(
            f"this was sent by a web page of another site ({origin}); add its origin to CORS_ORIGINS if it may use "
            "the service"
        )


class Guard:
    """Lets in who may, and counts how often.

    :param limiter: None: there is no limit
    """

    def __init__(self, authenticate: Authenticate, limiter: RateLimiter | None, exposure: Exposure) -> None:
        self._authenticate = authenticate
        self._limiter = limiter
        self._exposure = exposure
        self._known_hosts: set[bytes] = set()

    @property
    def max_upload_bytes(self) -> int:
        """How long an upload may be."""
        return self._exposure.max_upload_bytes

    def needs_key(self) -> bool:
        """Whether a key is asked for."""
        return self._authenticate.is_needed()

    async def admit(self, scope: Any, wanted: Scope) -> Caller:
        """Whoever makes the request of this ASGI scope, if they may.

        :raises Unauthenticated: a key is needed, and none that counts was given
        :raises ScopeMissing: the key is not for this
        :raises HostNotAllowed: no key is needed, and the service was addressed by a foreign name
        :raises CrossSite: no key is needed, and a page of another site asks for a change
        :raises TooManyRequests: they ask too often
        :raises Unavailable: the keys cannot be read
        """
        headers: Mapping[bytes, bytes] = scope["state"]["headers"]
        try:
            caller = self._identify(headers)
        except Unauthenticated:
            await self._count(f"refused {_neighbourhood(_peer(scope))}")
            raise
        if caller is ANYBODY:
            self._check_neighbour(scope, headers)
        else:
            caller.require(wanted)
            go_on(**{CALLER: caller.name})
        if self._limiter is not None:
            await self._count(_neighbourhood(_peer(scope)) if caller is ANYBODY else caller.id)
        return caller

    def may(self, scope: Any, wanted: Scope) -> bool:
        """Whether whoever makes the request may do this; nothing is counted."""
        try:
            caller = self._identify(scope["state"]["headers"])
            caller.require(wanted)
        except Forbidden:
            return False
        return caller is not ANYBODY or self._serves(_peer(scope))

    def _serves(self, peer: str) -> bool:
        """Whether whoever has this address is served where no key is needed."""
        return self._exposure.without_key or _is_loopback(peer)

    def _identify(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Whoever sent this. What is wrong with the keys is nothing for whoever has not shown one."""
        try:
            return self._authenticate(_key_in(headers))
        except Unavailable as error:
            _logger.error("nobody is let in: %s", error)  # noqa: TRY400  # where it was raised helps nobody
            raise Unavailable("the API keys cannot be read; the service's log says why") from error

    async def _count(self, caller_id: str) -> None:
        if self._limiter is not None and (wait_s := await self._limiter.take(caller_id)):
            raise TooManyRequests(wait_s)

    def _check_neighbour(self, scope: Any, headers: Mapping[bytes, bytes]) -> None:
        """Where nobody has to log in, it is this machine's users who ask, and not web pages that they look at."""
        if not self._serves(_peer(scope)):
            raise Unauthenticated(
                "no API key was made yet, so only this machine is served; make one with `lora-manager keys create`"
            )
        host = headers.get(b"host", b"")
        if host not in self._known_hosts:
            self._check_host(host)
        if scope["method"] not in _SAFE_METHODS:
            self._check_origin(headers, host)

    def _check_host(self, host: bytes) -> None:
        """What is addressed by its IP address, or as localhost, no foreign name server can have pointed here."""
        name = _without_port(host.decode("latin-1")).lower().rstrip(".")
        is_ours = not name or name == "localhost" or name.endswith(".localhost") or _address_in(name) is not None
        if not is_ours and name not in self._exposure.allowed_hosts:
            raise HostNotAllowed(name)
        if len(self._known_hosts) < _MAX_KNOWN_HOSTS:
            self._known_hosts.add(host)

    def _check_origin(self, headers: Mapping[bytes, bytes], host: bytes) -> None:
        """Source: https://www.w3.org/TR/fetch-metadata/ and RFC 6454."""
        origin = headers.get(b"origin")
        site = headers.get(b"sec-fetch-site")
        if origin is None:
            is_ours = site in {None, b"same-origin", b"none"}
        else:
            is_ours = origin.partition(b"://")[2] == host or origin.decode("latin-1") in self._exposure.cors_origins
        if not is_ours:
            raise CrossSite((origin or b"unnamed").decode("latin-1"))


def _key_in(headers: Mapping[bytes, bytes]) -> str | None:
    """The API key that came with a request; None where there is none."""
    given = headers.get(b"x-api-key")
    if given is None:
        authorization = headers.get(b"authorization")
        if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
            return None
        given = authorization[len(_BEARER) :].strip()
    return given.decode("latin-1")


def _peer(scope: Any) -> str:
    """The address that the request came from; a socket of this machine has none."""
    client = scope.get("client")
    return "127.0.0.1" if client is None else str(client[0])


def _neighbourhood(address: str) -> str:
    """Who is counted as one: of IPv6 a whole network of 64 bits, since whoever has one address there has them all."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


@lru_cache(1_000)
def _is_loopback(text: str) -> bool:
    address = _address_in(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and (address.is_loopback or (mapped is not None and mapped.is_loopback))


def _address_in(text: str) -> IPv4Address | IPv6Address | None:
    """The IP address that this text is; None where it is a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None
