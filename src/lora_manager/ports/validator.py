"""Asking an outside registry about files."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from lora_manager.domain.lora import Lora, LoraFacts
from lora_manager.domain.validation import Validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the registry said of one LoRA.

    :param validation: ``valid``, ``mismatch``, ``unknown`` or ``failed``; ``checked_at`` is left to the caller
    :param facts: what it told besides, within the limits of a LoRA's fields
    """

    lora_id: UUID
    validation: Validation
    facts: LoraFacts = field(default_factory=LoraFacts)


class Validator(Protocol):
    """Looks LoRAs up in an outside registry, as fast as that allows."""

    @abstractmethod
    def ask(self, loras: Sequence[Lora]) -> AsyncGenerator[Verdict, None]:
        """A verdict on each LoRA, in any order, as they come.

        What cannot be asked or is answered oddly for one of them is a verdict of ``failed`` with the reason, and the
        rest goes on. "Not found" is ``unknown``, never ``failed`` or ``mismatch``.
        :raises Unavailable: it does not answer, or asks to be left alone; those without a verdict were not judged
        """
