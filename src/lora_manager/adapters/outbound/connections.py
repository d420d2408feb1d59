"""Connections that are kept for the next request.

httpcore's own pool looks at every connection for every request, so that 64 requests at a time take many times as long
as with these lists; what it says on a connection is used as it is.
"""

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import httpcore

from lora_manager.adapters.outbound.guard import Guard
from lora_manager.adapters.outbound.stream import Stream
from lora_manager.domain.delivery import DispatchFailed

# Node.js and uvicorn close a connection that was idle for five seconds; one that is closed while a request is on its
# way costs an attempt.
_KEEP_ALIVE_S = 4.0
_Key: TypeAlias = tuple[bytes, bytes, int]


class Connections:
    """Those that no request uses now; as many are open as there are requests at a time."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._tls = ssl.create_default_context()
        self._idle: defaultdict[_Key, list[httpcore.AsyncHTTP11Connection]] = defaultdict(list)

    @asynccontextmanager
    async def to(self, origin: httpcore.Origin) -> AsyncIterator[httpcore.AsyncHTTP11Connection]:
        """A connection for one request and its answer.

        :raises DispatchFailed: ``target_forbidden``, ``unreachable`` or ``timeout``
        """
        key = origin.scheme, origin.host, origin.port
        connection = await self._kept(key) or await self._open(origin)
        try:
            yield connection
        finally:
            if connection.is_idle():
                self._idle[key].append(connection)
            else:
                await connection.aclose()

    async def aclose(self) -> None:
        """Close those that are not in use."""
        while self._idle:
            _, idle = self._idle.popitem()
            for connection in idle:
                await connection.aclose()

    async def _kept(self, key: _Key) -> httpcore.AsyncHTTP11Connection | None:
        """The one that was used last and is still good."""
        while idle := self._idle.get(key):
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _open(self, origin: httpcore.Origin) -> httpcore.AsyncHTTP11Connection:
        await self._close_expired()
        host = origin.host.decode("ascii")
        connected = await self._guard.connect(host, origin.port)
        is_tls = origin.scheme == b"https"
        try:
            _, stream = await asyncio.get_running_loop().create_connection(
                Stream, sock=connected, ssl=self._tls if is_tls else None, server_hostname=host if is_tls else None
            )
        except OSError as error:  # which ssl.SSLError is
            connected.close()
            message = f"{host}:{origin.port} refused the connection ({error.strerror or error}); check its certificate"
            raise DispatchFailed("unreachable", message, retryable=True) from error
        except BaseException:
            connected.close()
            raise
        return httpcore.AsyncHTTP11Connection(origin, stream, keepalive_expiry=_KEEP_ALIVE_S)

    async def _close_expired(self) -> None:
        """Keep no connection open to a host that is not asked any more."""
        kept, self._idle = self._idle, defaultdict(list)
        for key, idle in kept.items():
            for connection in idle:
                if connection.has_expired():
                    await connection.aclose()
                else:
                    self._idle[key].append(connection)
