"""What one reading of a LoRA file tells."""

from dataclasses import dataclass

from lora_manager.domain.file.facts import Embedded, Hashes, Network


@dataclass(frozen=True, slots=True)
class BaseModelGuess:
    """The family of models a file was made for.

    :param family: ``sd1``, ``sdxl``, ``flux``, ...; None when nothing decides
    :param evidence: one sentence that says what decided
    """

    family: str | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Inspected:
    """Everything one reading of a LoRA file tells.

    :param size_bytes: length of the file
    :param trigger_candidates: the phrases its author names as triggers; not the training tags
    """

    size_bytes: int
    hashes: Hashes
    network: Network
    base_model: BaseModelGuess
    embedded: Embedded
    trigger_candidates: tuple[str, ...]
