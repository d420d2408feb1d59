"""HTTP to the outside, as deliveries need it: guarded, bounded in time and size, and quick."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import httpcore

from lora_manager.adapters.outbound.connections import Connections
from lora_manager.adapters.outbound.guard import Guard, Resolve, resolve
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts

_PORTS = {"http": 80, "https": 443}
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    :param headers: by their names in lower case
    :param truncated: whether the body went on
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


class OutboundClient:
    """Sends requests to permitted hosts; follows no redirect, uses no proxy, keeps connections for reuse.

    :param allowed: what may be contacted
    :param resolve: how names become addresses
    """

    def __init__(self, allowed: AllowedHosts, resolve: Resolve = resolve) -> None:
        self._guard = Guard(allowed, resolve)
        self._connections = Connections(self._guard)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = _NO_HEADERS,
        content: bytes = b"",
        timeout_s: float,
        max_bytes: int,
        cut_off: bool = False,
    ) -> Answer:
        """Send a request and read the answer, whatever its status.

        :param url: http or https; ``user:password@`` in it is sent as Basic authentication
        :param timeout_s: seconds for all of it, from looking up the name to the last byte
        :param max_bytes: of the body
        :param cut_off: take a longer body up to there, instead of raising
        :raises DispatchFailed: ``target_forbidden``, ``unreachable``, ``timeout``, ``not_http`` or ``too_large``
        """
        parts = urlsplit(url)
        request = _request(method, parts, headers, content)
        where = _origin(parts)
        try:
            async with asyncio.timeout(timeout_s):
                async with self._connections.to(request.url.origin) as connection:
                    response = await connection.handle_async_request(request)
                    try:
                        body = await _read(response, max_bytes + 1)
                    finally:
                        await response.aclose()
        except TimeoutError as error:
            message = f"{where} did not answer within {timeout_s:g} s"
            raise DispatchFailed("timeout", message, retryable=True) from error
        except httpcore.ProtocolError as error:
            message = f"the answer of {where} is broken ({error}); check that it is an HTTP server, and well"
            raise DispatchFailed("not_http", message, retryable=True) from error
        except httpcore.NetworkError as error:
            message = f"the connection to {where} failed ({error}); check that the server is well"
            raise DispatchFailed("unreachable", message, retryable=True) from error
        if len(body) > max_bytes and not cut_off:
            message = f"the answer of {where} is larger than the {max_bytes} bytes that are allowed"
            raise DispatchFailed("too_large", message, retryable=False)
        names = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, names, body[:max_bytes], len(body) > max_bytes)

    async def open_socket(self, host: str, port: int, *, timeout_s: float) -> socket.socket:
        """A non-blocking socket that is connected to a permitted address, for protocols that HTTP turns into.

        :raises DispatchFailed: ``target_forbidden``, ``unreachable`` or ``timeout``
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._guard.connect(host, port)
        except TimeoutError as error:
            message = f"{host}:{port} did not take the connection within {timeout_s:g} s"
            raise DispatchFailed("timeout", message, retryable=True) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._connections.aclose()


def _request(method: str, parts: SplitResult, headers: Mapping[str, str], content: bytes) -> httpcore.Request:
    host = (parts.hostname or "").encode("ascii")
    port = parts.port or _PORTS[parts.scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    given = {name.lower() for name in headers}
    named = b"[%s]" % host if b":" in host else host
    lines.append((b"Host", named if port == _PORTS[parts.scheme] else b"%s:%d" % (named, port)))
    if content or method not in {"GET", "HEAD"}:
        lines.append((b"Content-Length", b"%d" % len(content)))
    if "user-agent" not in given:
        lines.append((b"User-Agent", b"lora-manager"))
    if "authorization" not in given and (parts.username or parts.password):
        user, password = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
        lines.append((b"Authorization", b"Basic " + b64encode(user + b":" + password)))
    return httpcore.Request(
        method.encode("ascii"),
        httpcore.URL(scheme=parts.scheme.encode("ascii"), host=host, port=port, target=target.encode("ascii")),
        headers=lines,
        content=content,
    )


async def _read(response: httpcore.Response, at_most: int) -> bytes:
    """The body, up to a number of bytes."""
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) >= at_most:
            break
    return bytes(body[:at_most])


def _origin(parts: SplitResult) -> str:
    """Where the request goes, without what may be secret."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
