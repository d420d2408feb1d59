"""Whom to ask about files."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing

from lora_manager.domain.lora import Lora
from lora_manager.ports.validator import Validator, Verdict
from lora_manager.settings import CivitaiSettings


class ConfiguredValidator(Validator):
    """The registry that the settings name, opened when it is first asked: most commands start sooner without it.

    :param stack: closes what was opened
    """

    def __init__(self, settings: CivitaiSettings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._validator: Validator | None = None

    async def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        if self._validator is None:
            self._validator = self._open()
        async with aclosing(self._validator.ask(loras)) as verdicts:
            async for verdict in verdicts:
                yield verdict

    def _open(self) -> Validator:
        from lora_manager.adapters.civitai.client import client_for
        from lora_manager.adapters.civitai.pace import Pace
        from lora_manager.adapters.civitai.posting import PostingValidator
        from lora_manager.adapters.civitai.validator import CivitaiValidator

        url = self._settings.validate_url or self._settings.base_url
        client = client_for(url)
        self._stack.push_async_callback(client.aclose)
        kind = CivitaiValidator if self._settings.validate_url is None else PostingValidator
        return kind(client, url, self._settings.api_key, Pace())
