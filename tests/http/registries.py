"""Outside registries that say what a test wants them to."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from lora_manager.app.application import Application
from lora_manager.app.validation.validate_lora import ValidateLora
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation
from lora_manager.ports.validator import Validator, Verdict


class Saying(Validator):
    """Says the same of every LoRA, or does not answer."""

    def __init__(self, said: Validation | Unavailable) -> None:
        self._said = said

    async def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        for lora in loras:
            if isinstance(self._said, Unavailable):
                raise self._said
            yield Verdict(lora_id=lora.id, validation=self._said, facts={"title": "Ink"})


def asking(application: Application, validator: Validator) -> Application:
    """The application with this registry to ask."""
    asked: ValidateLora = replace(application.validate_lora, validator=validator)
    return replace(application, validate_lora=asked)
