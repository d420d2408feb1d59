"""HTTP to the outside, as deliveries need it: guarded, bounded in time and size, and quick."""

import asyncio
import socket
from base64 import b64encode
from collections.abc import Collection, Mapping
from types import MappingProxyType
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import h11

from lora_manager.adapters.outbound.connection import Answer
from lora_manager.adapters.outbound.connections import Connections, Origin
from lora_manager.adapters.outbound.guard import Guard, Resolve, resolve
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.delivery.targets import PORTS, place_of
from lora_manager.ports.trail import TRACEPARENT, trail

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class OutboundClient:
    """Sends requests to permitted hosts; follows no redirect, uses no proxy, keeps connections for reuse.

    :param allowed: what may be contacted
    :param resolve: how names become addresses
    :param tells_trace: whether requests say which trace they belong to; only for whom that concerns
    """

    def __init__(self, allowed: AllowedHosts, resolve: Resolve = resolve, *, tells_trace: bool = False) -> None:
        self._guard = Guard(allowed, resolve)
        self._connections = Connections(self._guard)
        self._tells_trace = tells_trace

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
        origin = Origin(parts.scheme, *place_of(url))
        request = _request(method, parts, origin, {**self.trace_headers(but=headers), **headers}, content)
        where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without what may be secret
        try:
            async with asyncio.timeout(timeout_s):
                connection = await self._connections.take(origin)
                try:
                    answer = await connection.exchange(request, content, max_bytes)
                finally:
                    self._connections.give_back(origin, connection)
        except TimeoutError as error:
            message = f"{where} did not answer within {timeout_s:g} s"
            raise DispatchFailed("timeout", message, retryable=True) from error
        except h11.RemoteProtocolError as error:
            message = f"the answer of {where} is broken ({error}); check that it is an HTTP server, and well"
            raise DispatchFailed("not_http", message, retryable=True) from error
        except ConnectionError as error:
            message = f"the connection to {where} failed ({error}); check that the server is well"
            raise DispatchFailed("unreachable", message, retryable=True) from error
        if answer.truncated and not cut_off:
            message = f"the answer of {where} is larger than the {max_bytes} bytes that are allowed"
            raise DispatchFailed("too_large", message, retryable=False)
        return answer

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

    def trace_headers(self, but: Collection[str] = ()) -> Mapping[str, str]:
        """What says which trace a request belongs to, where it belongs to one.

        :param but: the names of headers that somebody has chosen, in any case
        """
        traceparent = trail().get(TRACEPARENT)
        if not self._tells_trace or traceparent is None or TRACEPARENT in map(str.lower, but):
            return {}
        return {TRACEPARENT: traceparent}

    async def aclose(self) -> None:
        """Close every connection."""
        self._connections.close()


def _request(
    method: str, parts: SplitResult, origin: Origin, headers: Mapping[str, str], content: bytes
) -> h11.Request:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [*headers.items()]
    given = {name.lower() for name in headers}
    lines.append(("Host", host if origin.port == PORTS[origin.scheme] else f"{host}:{origin.port}"))
    if content or method not in {"GET", "HEAD"}:
        lines.append(("Content-Length", str(len(content))))
    if "user-agent" not in given:
        lines.append(("User-Agent", "lora-manager"))
    if "authorization" not in given and (parts.username or parts.password):
        user, password = unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or "")
        lines.append(("Authorization", "Basic " + b64encode(user + b":" + password).decode()))
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return h11.Request(method=method, target=target, headers=lines)
