"""What the settings alone tell."""

from collections.abc import Sequence

from lora_manager.ports.diagnosis import Check, Diagnosis


class Settled(Check):
    """Finds what was known before."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis

    async def look(self) -> Sequence[Diagnosis]:
        return [self._diagnosis]
