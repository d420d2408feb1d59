"""Read a prompt back."""

from dataclasses import dataclass

from lora_manager.app.prompts.compose_prompt import Dialects
from lora_manager.domain.file.record import name_problem
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import LoraTag, parse
from lora_manager.ports.catalog import LoraCatalog


@dataclass(frozen=True, slots=True)
class ResolvedPrompt:
    """A prompt taken apart.

    :param text: what remains without the tags
    :param loras: the registered LoRAs that the tags name, each once, in the order of the tags; of several versions all
    :param unresolved: the names that no registered LoRA has, each once
    """

    text: str
    tags: tuple[LoraTag, ...]
    loras: tuple[Lora, ...]
    unresolved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ParsePrompt:
    """Take a prompt apart: its text, the LoRA tags in it, and the registered LoRAs they name. Any text is fine."""

    catalog: LoraCatalog
    dialects: Dialects

    async def __call__(self, prompt: str, dialect: str | None = None) -> ResolvedPrompt:
        """Parse and resolve.

        :raises InvalidFields: the dialect is not known
        """
        parsed = parse(prompt, self.dialects.get(dialect))
        names = dict.fromkeys(tag.name for tag in parsed.tags)
        found = await self.catalog.find(names=[name for name in names if name_problem(name) is None])
        known = {lora.name for lora in found}
        place = {name: index for index, name in enumerate(names)}
        loras = tuple(sorted(found, key=lambda lora: place[lora.name]))
        return ResolvedPrompt(parsed.text, parsed.tags, loras, tuple(name for name in names if name not in known))
