"""A stand-in of CivitAI, validators that ask it, and a time that passes only when somebody waits."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from lora_manager.adapters.civitai.client import client_for
from lora_manager.adapters.civitai.pace import Pace
from lora_manager.adapters.civitai.posting import PostingValidator
from lora_manager.adapters.civitai.validator import CivitaiValidator
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.lora import Lora
from lora_manager.ports.validator import Validator, Verdict
from tests.contract.examples import a_lora, a_record
from tests.standins.civitai import Civitai, running


@dataclass
class FakeTime:
    """Seconds that pass at once.

    :param slept: how long each wait was
    """

    now: float = 1_000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.now + seconds
        await asyncio.sleep(0)  # others may begin to wait meanwhile
        self.now = max(self.now, until)


@dataclass
class World:
    """A site, and those who ask it at one pace."""

    site: Civitai
    client: OutboundClient
    time: FakeTime
    pace: Pace

    def civitai(self, api_key: str | None = None, **options: Any) -> CivitaiValidator:  # noqa: ANN401  # passed on
        return CivitaiValidator(self.client, self.site.url, api_key, self.pace, clock=self.time.clock, **options)

    def posting(self, api_key: str | None = None, **options: Any) -> PostingValidator:  # noqa: ANN401  # passed on
        return PostingValidator(self.client, f"{self.site.url}/validate", api_key, self.pace, **options)


@asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    async with running() as site:
        client = client_for(site.url)
        time = FakeTime()
        pace = Pace(clock=time.clock, sleep=time.sleep, chance=lambda: 1.0)
        try:
            yield World(site, client, time, pace)
        finally:
            await client.aclose()


def a_file(content: str, *, tensors: str | None = None, **fields: Any) -> Lora:  # noqa: ANN401  # whatever a LoRA has
    """A LoRA whose file was read: its hashes repeat this hexadecimal digit."""
    return a_lora(f"ink {content}", file=a_record(content, tensors=tensors), **fields)


async def ask(validator: Validator, *loras: Lora) -> list[Verdict]:
    """The verdicts on these LoRAs, in their order."""
    verdicts = {verdict.lora_id: verdict async for verdict in validator.ask(loras)}
    assert len(verdicts) == len(loras)
    return [verdicts[lora.id] for lora in loras]


async def ask_one(validator: Validator, lora: Lora) -> Verdict:
    [verdict] = await ask(validator, lora)
    return verdict


def states(verdicts: Iterable[Verdict]) -> list[str]:
    return [verdict.validation.state.value for verdict in verdicts]
