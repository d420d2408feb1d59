"""Looking at the runtimes that deliveries go to, or may go to."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain

from lora_manager.adapters.checks.bounded import BoundedCheck
from lora_manager.adapters.checks.runtime import Place, RuntimeCheck
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import CliTarget, ComfyTarget, HttpTarget, Mode, Target
from lora_manager.domain.delivery.allowed_hosts import SETTING, AllowedHosts
from lora_manager.domain.delivery.targets import PORTS, place_of
from lora_manager.domain.errors import Failure
from lora_manager.ports.diagnosis import Diagnosis

_MOST = 20
_PATIENCE_S = 14.0  # for reading, and then asking all of them at once
_READING_S = 4.0
_ASKING_S = 9.0

RecentTargets = Callable[[], Awaitable[Sequence[Target]]]
"""The targets of the latest deliveries, the latest first; raises ``Failure``."""


class Runtimes(BoundedCheck):
    """Looks at those that deliveries went to of late, and at the single hosts that are allowed with a TCP port.

    Only what deliveries may contact is contacted. Of more than 20 the first are looked at.
    """

    def __init__(self, allowed: AllowedHosts, recent: RecentTargets) -> None:
        super().__init__("runtimes", patience_s=_PATIENCE_S)
        self._allowed = allowed
        self._recent = recent

    async def _look(self) -> Sequence[Diagnosis]:
        unread: list[Diagnosis] = []
        targets: Sequence[Target] = ()
        try:
            async with asyncio.timeout(_READING_S):
                targets = await self._recent()
        except (Failure, TimeoutError):
            unread.append(self.doubtful("where deliveries went of late cannot be read", "see to the database first"))
        by_label: dict[str, Place] = {}
        for place in chain(*map(_places, targets), map(_allowed_place, self._allowed.single_places)):
            by_label.setdefault(place.label, place)
        places = list(by_label.values())
        return [*unread, *await self._asked(places[:_MOST]), *self._rest(len(places))]

    async def _asked(self, places: Sequence[Place]) -> Sequence[Diagnosis]:
        client = OutboundClient(self._allowed)
        try:
            checks = [RuntimeCheck(client, place, patience_s=_ASKING_S) for place in places]
            return list(chain.from_iterable(await asyncio.gather(*(check.look() for check in checks))))
        finally:
            await client.aclose()

    def _rest(self, count: int) -> Iterator[Diagnosis]:
        if not count:
            yield self.good(f"no delivery went anywhere yet, and {SETTING} names no single host with a port")
        elif count > _MOST:
            yield self.good(f"{count - _MOST:,} more are not looked at")


def _places(target: Target) -> Iterator[Place]:
    """Where deliveries to this target go; nowhere where no connection is made."""
    if isinstance(target, CliTarget):
        return
    if isinstance(target, HttpTarget):
        yield Place(_label(target.host, target.port), target.host, target.port, target.url, Mode.HTTP)
        return
    mode = Mode.COMFYUI if isinstance(target, ComfyTarget) else Mode.SDNEXT
    yield Place(_label(*place_of(target.base_url)), *place_of(target.base_url), target.base_url, mode)


def _allowed_place(place: tuple[str, int]) -> Place:
    host, port = place
    scheme = "https" if port == PORTS["https"] else "http"
    return Place(_label(host, port), host, port, f"{scheme}://{_written(host)}:{port}", None)


def _label(host: str, port: int) -> str:
    return f"{'localhost' if host in {'127.0.0.1', '::1'} else _written(host)}:{port}"


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
