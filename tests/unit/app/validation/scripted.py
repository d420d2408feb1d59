"""A registry that says what a test wants it to say."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lora_manager.domain.lora import Lora, LoraFacts
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.validator import Validator, Verdict
from tests.contract.examples import a_lora, a_record
from tests.unit.app.world import World

FACTS = LoraFacts(title="Ink Wash", triggers=(Trigger("inkwash"),), base_model="sdxl")


async def nothing(_: Lora) -> None:
    """What happens while the registry thinks, usually."""


@dataclass
class ScriptedValidator(Validator):
    """Knows every file, or says what it is told to.

    :param said: by LoRA: a verdict's state, or what to raise instead
    :param meanwhile: happens before the verdict on each LoRA
    :param asked: the names of those asked about, by request
    """

    said: Mapping[UUID, ValidationState | Exception] = field(default_factory=dict)
    meanwhile: Callable[[Lora], Awaitable[None]] = nothing
    asked: list[list[str]] = field(default_factory=list)

    async def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        self.asked.append([lora.name for lora in loras])
        for lora in loras:
            await self.meanwhile(lora)
            state = self.said.get(lora.id, ValidationState.VALID)
            if isinstance(state, Exception):
                raise state
            validation = Validation(state=state, detail="said so", model_id=5, version_id=6)
            yield Verdict(lora_id=lora.id, validation=validation, facts=FACTS)


async def registered(world: World, *loras: Lora) -> None:
    """Put LoRAs into the registry."""
    async with world.begin() as uow:
        await uow.loras.add(*loras)
        await uow.commit()


async def some(world: World, count: int) -> list[Lora]:
    """Registered LoRAs whose files were read."""
    loras = [a_lora(f"ink {number}", file=a_record(f"{number % 16:x}")) for number in range(count)]
    await registered(world, *loras)
    return loras
