"""Which hosts deliveries may contact.

Whoever can create deliveries chooses where this machine connects to. So only what the operator names is contacted, and
what counts is the address that is connected to, not the name that led there: a name can resolve to anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self, TypeAlias

from lora_manager.domain.errors import InvalidInput

SETTING = "DELIVERY_ALLOWED_HOSTS"
Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 section 2.1
# What no name may lead to, whoever answers for it in the DNS: addresses that mean this machine or this wire, and those
# under which cloud providers give out credentials (169.254.169.254 and fe80:: are link-local anyway).
_NEVER_BY_NAME: tuple[Network, ...] = (
    IPv4Network("0.0.0.0/8"),  # RFC 1122 section 3.2.1.3, "this network"
    IPv4Network("100.100.100.200/32"),  # Alibaba Cloud, instance metadata
    IPv4Network("168.63.129.16/32"),  # Azure, WireServer
    IPv6Network("fd00:ec2::254/128"),  # AWS, instance metadata
    IPv6Network("fd20:ce::254/128"),  # Google Cloud, metadata server
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
_MAX_NAME = 253  # RFC 1035 section 2.3.4, without the dot at the end
# A name whose last part is a number is an IPv4 address to the system's resolver: 127.1, 2130706433, 0x7f000001, 017.1.
# Source: https://url.spec.whatwg.org/#ends-in-a-number-checker
_ENDS_IN_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_WITH_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One address range or name.

    :param what: a network, a name, or ``*.`` and a name for every name below it
    :param port: the TCP port it is for, None for all
    """

    what: Network | str
    port: int | None

    @property
    def single_host(self) -> str | None:
        """The one host that it is for, this machine by its name; None where it is for several."""
        if isinstance(self.what, str):
            return None if self.what.startswith("*") else self.what
        if self.what.num_addresses == 1:
            return str(self.what.network_address)
        return "localhost" if self.what in _LOOPBACK else None

    def covers(self, address: Address) -> bool:
        return not isinstance(self.what, str) and address in self.what

    def names(self, host: str) -> bool:
        if not isinstance(self.what, str):
            return False
        return host.endswith(self.what[1:]) if self.what.startswith("*") else host == self.what

    def may_hold(self, host: str) -> bool:
        """Whether a name can be expected to resolve into it; only those of this machine mean its loopback."""
        if isinstance(self.what, str):
            return False
        return not self.what.is_loopback or host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that may be contacted: address ranges, whatever name led there, and names, wherever they lead.

    A name never allows an address that is loopback, link-local, multicast, unspecified or reserved, nor that of a cloud
    provider's metadata service: only an entry for the address itself does.
    """

    _entries: tuple[_Entry, ...]

    @classmethod
    def parse(cls, text: str = "loopback") -> Self:
        """Read the setting.

        :param text: entries separated by commas or white space: a host name, ``*.name``, an IP address, a network as
            ``address/bits``, or ``loopback``, each optionally followed by ``:port``; an IPv6 address with a port stands
            in brackets
        :raises InvalidInput: naming the first entry that is none of these
        """
        entries = tuple(parsed for entry in re.split(r"[\s,]+", text) if entry for parsed in _parse(entry.lower()))
        if not entries:
            raise InvalidInput("must name at least one host, or loopback")
        return cls(entries)

    @property
    def single_places(self) -> tuple[tuple[str, int], ...]:
        """The host and TCP port of every entry that names just one host, and a port."""
        places = ((entry.single_host, entry.port) for entry in self._entries)
        return tuple((host, port) for host, port in places if host is not None and port is not None)

    def permits_name(self, host: str, port: int) -> bool:
        """Whether a host, a name or an address, may be contacted at all, as far as is known before it is resolved."""
        address = _address(host)
        if address is not None:
            return self._permits_address(port, address)
        name = _canonical(host)
        if _ENDS_IN_A_NUMBER.fullmatch(name):
            return False
        return any(entry.names(name) or entry.may_hold(name) for entry in self._for(port))

    def permits(self, host: str, port: int, address: str) -> bool:
        """Whether to connect to this address, which ``host`` is or resolved to.

        :param address: an IPv4 or IPv6 address
        """
        real = _unwrapped(ip_address(address))
        if self._permits_address(port, real):
            return True
        return not _never_by_name(real) and any(entry.names(_canonical(host)) for entry in self._for(port))

    def _permits_address(self, port: int, address: Address) -> bool:
        return any(entry.covers(address) for entry in self._for(port))

    def _for(self, port: int) -> Iterator[_Entry]:
        return (entry for entry in self._entries if entry.port in {None, port})


def _parse(entry: str) -> Iterator[_Entry]:
    """The entries that one part of the setting stands for."""
    if _network(entry) is not None:  # an IPv6 address without brackets: its last part is no port
        yield _Entry(_require_real(entry), None)
        return
    match = _WITH_PORT.fullmatch(entry)
    if match is None:
        raise InvalidInput(f"{entry!r} is no host; an IPv6 address with a port is written [address]:port")
    host, port = match["host"].removeprefix("[").removesuffix("]"), int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65_535:  # noqa: PLR2004  # TCP
        raise InvalidInput(f"{entry!r}: the port must be from 1 to 65535")
    if host == "loopback":
        for network in _LOOPBACK:
            yield _Entry(network, port)
    elif _network(host) is not None:
        yield _Entry(_require_real(host), port)
    elif _NAME.fullmatch(host) and len(host) <= _MAX_NAME and not _ENDS_IN_A_NUMBER.fullmatch(host):
        yield _Entry(host, port)
    else:
        raise InvalidInput(
            f"{entry!r} is no host; allowed are a host name, *.name, an IPv4 address of four decimal numbers, an IPv6 "
            "address, address/bits and loopback, each with or without :port"
        )


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _require_real(text: str) -> Network:
    """The network, which must not be a notation for another one: addresses are compared in their plain form."""
    network = ip_network(text)
    plain = _unwrapped(network.network_address)
    if plain != network.network_address:
        raise InvalidInput(f"{text!r} stands for an IPv4 address; write that one, {plain}")
    return network


def _address(host: str) -> Address | None:
    try:
        return _unwrapped(ip_address(host))
    except ValueError:
        return None


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where it is a notation or a tunnel for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _never_by_name(address: Address) -> bool:
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or any(address in network for network in _NEVER_BY_NAME)
    )


def _canonical(host: str) -> str:
    return host.lower().removesuffix(".")
