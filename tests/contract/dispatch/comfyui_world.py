"""Deliveries to a stand-in of ComfyUI, and what came of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from lora_manager.adapters.dispatch.comfyui import ComfyDispatcher
from lora_manager.adapters.dispatch.comfyui_following import Pace
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import (
    Attempt,
    Content,
    DeliveredLora,
    Delivery,
    DeliveryError,
    DispatchFailed,
    Mode,
    Outcome,
    Progress,
)
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.dispatch.running import ID, NOW, running
from tests.standins.comfyui import LORAS, ComfyStandIn
from tests.standins.comfyui_wire import Json
from tests.unit.domain.delivery.workflows import txt2img

RUN = str(ID)
QUICK = Pace(poll_s=0.01, quiet_s=0.05, looks=3, stopping_s=5.0)
# With the websocket open nothing but what it says makes the dispatcher look again.
PATIENT = Pace(poll_s=0.01, quiet_s=3600.0, looks=3, stopping_s=5.0)


@dataclass
class World:
    """A dispatcher, and what it delivers to."""

    comfy: ComfyStandIn
    dispatcher: ComfyDispatcher
    reports: list[Progress] = field(default_factory=list)
    _reported: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, delivery: Delivery | None = None) -> Json:
        return dict(await self.dispatcher.dispatch(delivery or self.delivery(), self._take))

    async def until_reported(self, progress: Progress) -> None:
        while progress not in self.reports:
            self._reported.clear()
            await self._reported.wait()

    async def failure(self, delivery: Delivery | None = None) -> DeliveryError:
        return (await self.failed(delivery)).error

    async def failed(self, delivery: Delivery | None = None) -> DispatchFailed:
        with pytest.raises(DispatchFailed) as caught:
            await self.deliver(delivery)
        return caught.value

    def _take(self, progress: Progress) -> None:
        self.reports.append(progress)
        self._reported.set()

    def delivery(
        self,
        prompt: str = "a cat",
        *,
        workflow: Mapping[str, object] | None = None,
        content: Content | None = None,
        base_url: str = "",
        loader: str | None = None,
    ) -> Delivery:
        params = {"base_url": base_url or self.comfy.url, "workflow": workflow or with_place(), "loader": loader}
        return running(Mode.COMFYUI, params, prompt=prompt, content=content)


@asynccontextmanager
async def world_of(pace: Pace, loras: Sequence[str] = LORAS) -> AsyncIterator[World]:
    client = OutboundClient(AllowedHosts.parse(), tells_trace=True)
    async with ComfyStandIn.serving(loras) as comfy:
        try:
            yield World(comfy, ComfyDispatcher(client, pace))
        finally:
            await client.aclose()


def with_place() -> Json:
    """The recorded workflow, with a place for the prompt."""
    workflow = txt2img()
    workflow["2"]["inputs"]["text"] = "{prompt}"
    return workflow


def composed(text: str, *loras: DeliveredLora) -> Content:
    return Content(text, tuple(f"<lora:{lora.name}:{lora.weight}>" for lora in loras), loras)


def lora(path: str, weight: float = 1.0, te_weight: float | None = None) -> DeliveredLora:
    return DeliveredLora(UUID(int=1), Path(path).stem, None, weight, te_weight, None, path)


def after(delivery: Delivery, outcome: Outcome) -> Delivery:
    """The same delivery in its second attempt, when the first has ended so."""
    first = Attempt(number=1, worker="gone", started_at=NOW, finished_at=NOW, outcome=outcome)
    return replace(delivery, attempts=(first, replace(delivery.attempts[0], number=2)))
