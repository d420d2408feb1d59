"""Looking at one runtime that deliveries go to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.adapters.outbound.answers import parsed
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import DispatchFailed, Mode
from lora_manager.ports.diagnosis import Diagnosis

_TIMEOUT_S = 4.0  # for each of two questions
_MAX_BYTES = 256 * 1024
_MAX_VERSION = 40  # characters
_LOGIN = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Place:
    """A runtime, as far as it is known before it is asked.

    :param label: host and TCP port, fit to show
    :param base_url: without a slash at its end; may hold ``user:password@``
    :param mode: how deliveries went there; None where none did
    """

    label: str
    host: str
    listen_port: int
    base_url: str
    mode: Mode | None


class RuntimeCheck(BoundedCheck):
    """Looks whether a runtime takes connections, and asks what it is; one that takes any POST is not asked anything.

    :param client: contacts permitted hosts only
    """

    def __init__(self, client: OutboundClient, place: Place, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__(f"runtime {place.label}", patience_s=patience_s)
        self._client = client
        self._place = place

    async def _look(self) -> Sequence[Diagnosis]:
        try:
            return [await self._judged()]
        except DispatchFailed as failed:
            finding, _, way_out = failed.error.message.partition("; ")
            if failed.error.code == "target_forbidden":
                return [self.doubtful(f"deliveries went there, but {finding} (any more)", way_out)]
            return [self.doubtful(finding, way_out)]

    async def _judged(self) -> Diagnosis:
        place = self._place
        if place.mode is Mode.HTTP:
            connected = await self._client.open_socket(place.host, place.listen_port, timeout_s=_TIMEOUT_S)
            connected.close()
            return self.good("takes connections")
        for kind in (kind for kind in _KINDS if place.mode in {None, kind.mode}):
            answer = await self._client.request(
                "GET", place.base_url + kind.path, timeout_s=_TIMEOUT_S, max_bytes=_MAX_BYTES, cut_off=True
            )
            if answer.status in _LOGIN:
                way_out = "put user:password@ into the base_url of deliveries that go there"
                return self.doubtful(f"asks for a login ({answer.status})", way_out)
            if (what := kind.told(answer)) is not None:
                return self.good(what)
        if place.mode is None:
            return self.good("answers, and is neither ComfyUI nor has it A1111's API")
        return self.doubtful(f"answers, but not as {place.mode} does", "correct the base_url of deliveries to it")


class _Kind(NamedTuple):
    """A kind of runtime, and the cheapest question that tells it.

    :param told: what it is; None where it is something else
    """

    mode: Mode
    path: str
    told: Callable[[Answer], str | None]


def _comfyui(answer: Answer) -> str | None:
    """ComfyUI and its version. Source: ComfyUI server.py, /system_stats."""
    match parsed(answer.body):
        case {"system": {"comfyui_version": str(version)}}:
            return f"ComfyUI {version[:_MAX_VERSION]} answers"
        case {"system": {}, "devices": [*_]}:
            return "ComfyUI answers, an old one that does not tell its version"
        case _:
            return None


def _a1111(answer: Answer) -> str | None:
    """One that has A1111's API. Source: AUTOMATIC1111 modules/api/api.py, which SD.Next and Forge follow."""
    match parsed(answer.body):
        case {"progress": int() | float(), "state": {}}:
            return "SD.Next, AUTOMATIC1111 or Forge answers"
        case _:
            return None


_KINDS = (
    _Kind(Mode.COMFYUI, "/system_stats", _comfyui),
    _Kind(Mode.SDNEXT, "/sdapi/v1/progress?skip_current_image=true", _a1111),
)
