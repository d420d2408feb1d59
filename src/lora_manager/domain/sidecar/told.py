"""What sidecars say of a LoRA."""

from dataclasses import dataclass, field

from lora_manager.domain.lora import LoraChanges, LoraFacts
from lora_manager.domain.validation import Validation


@dataclass(frozen=True, slots=True)
class Told:
    """What sidecars say, as far as a LoRA can hold it; what they do not say is absent.

    :param user: what the user typed into another tool
    :param civitai: what the other tool had from CivitAI
    :param validation: CivitAI's verdict on this very file; its time is not known
    :param problems: one sentence for each thing that was left out
    """

    user: LoraChanges = field(default_factory=LoraChanges, hash=False)
    civitai: LoraFacts = field(default_factory=LoraFacts, hash=False)
    validation: Validation | None = None
    problems: tuple[str, ...] = ()


NOTHING = Told()
