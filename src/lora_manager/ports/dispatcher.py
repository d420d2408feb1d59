"""Sending a prompt to a runtime."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from lora_manager.domain.delivery import Delivery, Progress, Result

Report = Callable[[Progress], None]


class Dispatcher(Protocol):
    """Makes one attempt of a running delivery, and follows it to its end.

    What it sends MUST carry the delivery's id, so that the receiver can tell a repetition: as ``Idempotency-Key``, or
    by whatever the runtime offers. Cancelling the call MUST leave nothing running here, and SHOULD stop the runtime.
    The caller ends an attempt that takes longer than ``delivery.timeout_s``.
    """

    @abstractmethod
    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        """What the target gave back, fit for JSON; ``delivery.fence`` is the number of the attempt.

        :param report: called with every progress worth telling; cheap
        :raises DispatchFailed: it did not succeed; nothing else is raised
        """
