"""The verdicts that need no facts."""

from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.validator import Verdict


def failed(lora: Lora, reason: str) -> Verdict:
    """The LoRA could not be judged."""
    return Verdict(lora_id=lora.id, validation=Validation(state=ValidationState.FAILED, detail=reason))


def unverified(lora: Lora) -> Verdict:
    """Nobody has read the LoRA's file yet."""
    return failed(lora, "the file has not been read yet, so that its hashes are not known; verify it first")
