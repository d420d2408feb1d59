"""Which LoRAs a runtime has to apply by itself, where it does not read them from the prompt's text."""

from dataclasses import dataclass

from lora_manager.domain.delivery.content import Content
from lora_manager.domain.prompt import parse


@dataclass(frozen=True, slots=True)
class WantedLora:
    """A LoRA that a prompt asks for.

    :param name: as registered, or as written in a plain prompt
    :param path: of its file as it lies here, or what a plain prompt calls it
    :param te_weight: where it differs from ``weight``, else None
    """

    name: str
    path: str
    weight: float
    te_weight: float | None = None

    @property
    def on_text_encoder(self) -> float:
        """The strength on the text encoder."""
        return self.weight if self.te_weight is None else self.te_weight


def wanted_loras(prompt: str, content: Content) -> tuple[WantedLora, ...]:
    """The LoRAs in their order: those of the composition, or what the tags of a plain prompt name."""
    if content.loras:
        return tuple(WantedLora(lora.name, lora.file_path, lora.weight, lora.te_weight) for lora in content.loras)
    return tuple(WantedLora(tag.name, tag.name, tag.weight, tag.te_weight) for tag in parse(prompt).tags)


def untagged(prompt: str, content: Content) -> str:
    """The text of the prompt without its LoRA tags."""
    return content.text if content.loras else parse(prompt).text
