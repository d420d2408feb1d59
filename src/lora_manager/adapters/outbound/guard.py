"""Connecting only to addresses that may be contacted.

A name is resolved once; what it resolved to is checked, and the connection goes to a checked address, so that a name
that resolves differently a moment later gains nothing.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from ipaddress import ip_address

from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import SETTING, AllowedHosts

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses that a name has now, the best first; raises OSError where it has none."""

_CONNECT = timedelta(seconds=30)  # for all addresses of a host together


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Guard:
    """Makes the connections for every protocol that is spoken to the outside.

    :param allowed: what may be contacted
    :param resolve: how names become addresses
    """

    def __init__(self, allowed: AllowedHosts, resolve: Resolve = resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def connect(self, host: str, port: int) -> socket.socket:
        """A non-blocking socket, connected to the first permitted address of the host that takes the connection.

        :raises DispatchFailed: ``target_forbidden``, ``unreachable`` or ``timeout``
        """
        addresses = await self._checked(host, port)
        share = _CONNECT.total_seconds() / len(addresses)
        for address in addresses[:-1]:
            try:
                return await _connect(address, port, share)
            except OSError:  # TimeoutError is one
                continue
        try:
            return await _connect(addresses[-1], port, share)
        except TimeoutError as error:
            message = f"{host}:{port} did not take the connection in time; check that it runs and can be reached"
            raise DispatchFailed("timeout", message, retryable=True) from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error  # strerror would name the address instead
            message = f"{host}:{port} cannot be reached ({reason}); check that it runs and its port"
            raise DispatchFailed("unreachable", message, retryable=True) from error

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """The addresses of the host that may be contacted: one at least."""
        if not self._allowed.permits_name(host, port):
            raise _forbidden(f"{host}:{port} is not", host)
        addresses = [host] if _is_address(host) else await self._resolved(host, port)
        checked = [address for address in addresses if self._allowed.permits(host, port, address)]
        if not checked:
            raise _forbidden(f"{host} resolves to {addresses[0]}, which is not", addresses[0])
        return checked

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # a name with an empty or a long part is a UnicodeError
            reason = (isinstance(error, OSError) and error.strerror) or error
            message = f"the name {host} cannot be resolved ({reason}); check its spelling and the DNS"
            raise DispatchFailed("unreachable", message, retryable=True) from error
        if not addresses:
            message = f"the name {host} has no address; check its spelling and the DNS"
            raise DispatchFailed("unreachable", message, retryable=True)
        return addresses


async def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6  # noqa: PLR2004  # of the protocol
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(0)  # non-blocking
        async with asyncio.timeout(timeout_s):
            await asyncio.get_running_loop().sock_connect(connected, (address, port))
    except BaseException:
        connected.close()
        raise
    return connected


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _forbidden(fact: str, to_add: str) -> DispatchFailed:
    message = f"{fact} among the hosts that deliveries may contact; add {to_add} to {SETTING} to allow it"
    return DispatchFailed("target_forbidden", message, retryable=False)
