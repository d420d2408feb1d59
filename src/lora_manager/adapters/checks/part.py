"""Looking at what can tell by itself whether it answers: the queue, a bucket."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.ports.diagnosis import Diagnosis
from lora_manager.ports.readiness import Part


class PartCheck(BoundedCheck):
    """Opens it, asks it, and closes it again.

    :param opened: it, for as long as the block lasts; raises ``Failure`` where it cannot be opened
    :param finding: what there is to say when it answers
    """

    def __init__(
        self,
        subject: str,
        opened: Callable[[], AbstractAsyncContextManager[object]],
        finding: str,
        *,
        way_out: str,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(subject, way_out=way_out, patience_s=patience_s)
        self._opened = opened
        self._finding = finding

    async def _look(self) -> Sequence[Diagnosis]:
        async with self._opened() as part:
            if isinstance(part, Part):  # what is none needs nothing but itself
                await part.check()
        return [self.good(self._finding)]
