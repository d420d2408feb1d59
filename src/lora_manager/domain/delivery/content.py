"""What a delivered prompt is made of, as far as a runtime or its user wants to know."""

from dataclasses import dataclass
from typing import Self
from uuid import UUID

from lora_manager.domain.prompt import Composition


@dataclass(frozen=True, slots=True)
class DeliveredLora:
    """One LoRA of a composed prompt, as it was when the prompt was accepted.

    :param file_path: where its file lies here; a runtime may know it under another path
    """

    id: UUID
    name: str
    version: str | None
    weight: float
    te_weight: float | None
    sha256: str | None
    file_path: str


@dataclass(frozen=True, slots=True)
class Content:
    """The parts of a composed prompt; a plain prompt has none.

    :param text: the prompt without its LoRA tags
    :param loras: in the order of the composition
    """

    text: str
    tokens: tuple[str, ...] = ()
    loras: tuple[DeliveredLora, ...] = ()

    @classmethod
    def of(cls, composition: Composition, text: str) -> Self:
        """The parts of this composition.

        :param text: its prompt without the tags
        """
        return cls(
            text,
            composition.tokens,
            tuple(
                DeliveredLora(
                    m.lora.id, m.lora.name, m.lora.version, m.weight, m.lora.te_weight, m.lora.sha256, m.lora.file_path
                )
                for m in composition.members
            ),
        )
