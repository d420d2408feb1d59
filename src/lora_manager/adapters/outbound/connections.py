"""Connections that are kept for the next request."""

import asyncio
import ssl
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from lora_manager.adapters.outbound.connection import Connection
from lora_manager.adapters.outbound.guard import Guard
from lora_manager.domain.delivery import DispatchFailed


class Origin(NamedTuple):
    """What a connection leads to."""

    scheme: str
    host: str
    port: int


class Connections:
    """Those that no request uses now; as many are open as there are requests at a time."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)

    async def take(self, origin: Origin) -> Connection:
        """A connection for one request and its answer, to be given back whatever comes of it.

        :raises DispatchFailed: ``target_forbidden``, ``unreachable`` or ``timeout``
        """
        return self._kept(origin) or await self._open(origin)

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep the connection for the next request, or close it if it is good for none."""
        if connection.is_good:
            self._idle[origin].append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are not in use."""
        while self._idle:
            _, idle = self._idle.popitem()
            for connection in idle:
                connection.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """What is known of certificates: it takes a tenth of a second to read, which most never need."""
        return ssl.create_default_context()

    def _kept(self, origin: Origin) -> Connection | None:
        """The one that was used last and is still good."""
        while idle := self._idle.get(origin):
            connection = idle.pop()
            if connection.is_good and connection.is_quiet():
                return connection
            connection.close()
        return None

    async def _open(self, origin: Origin) -> Connection:
        self._close_expired()
        scheme, host, port = origin
        is_tls = scheme == "https"
        connected = await self._guard.connect(host, port)
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(connected),
                sock=connected,
                ssl=self._tls if is_tls else None,
                server_hostname=host if is_tls else None,
            )
        except OSError as error:  # which ssl.SSLError is
            connected.close()
            message = f"{host}:{port} refused the connection ({error.strerror or error}); check its certificate"
            raise DispatchFailed("unreachable", message, retryable=True) from error
        except BaseException:
            connected.close()
            raise
        return connection

    def _close_expired(self) -> None:
        """Keep no connection open to a host that is not asked any more."""
        kept, self._idle = self._idle, defaultdict(list)
        for origin, idle in kept.items():
            for connection in idle:
                if connection.is_good:
                    self._idle[origin].append(connection)
                else:
                    connection.close()
