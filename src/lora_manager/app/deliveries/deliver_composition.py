"""Compose a prompt and deliver it."""

from collections.abc import Mapping
from dataclasses import dataclass

from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery, EnqueueDeliveryCommand
from lora_manager.app.prompts.compose_prompt import ComposePrompt, ComposePromptCommand
from lora_manager.domain.delivery import Content, Delivery, Mode
from lora_manager.domain.delivery.limits import DEFAULT_ATTEMPTS, DEFAULT_TIMEOUT_S
from lora_manager.domain.prompt import Composition, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a composed prompt goes; as in ``EnqueueDeliveryCommand``."""

    mode: Mode
    params: Mapping[str, object]
    max_attempts: int = DEFAULT_ATTEMPTS
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class DeliverComposition:
    """Compose a prompt and accept it for delivery, with all that a runtime may want to know of its LoRAs."""

    compose_prompt: ComposePrompt
    enqueue_delivery: EnqueueDelivery

    async def __call__(self, command: ComposePromptCommand, destination: Destination) -> tuple[Composition, Delivery]:
        """The composition, and its delivery.

        :raises Failure: what ``ComposePrompt`` and ``EnqueueDelivery`` raise
        """
        composition = await self.compose_prompt(command)
        text = parse(composition.prompt, self.compose_prompt.dialects.get(command.dialect)).text
        delivery = await self.enqueue_delivery(
            EnqueueDeliveryCommand(
                prompt=composition.prompt,
                mode=destination.mode,
                params=destination.params,
                content=Content.of(composition, text),
                max_attempts=destination.max_attempts,
                timeout_s=destination.timeout_s,
            )
        )
        return composition, delivery
