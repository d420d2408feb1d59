"""One dispatcher for every kind of target."""

from collections.abc import Mapping

from lora_manager.domain.delivery import Delivery, DispatchFailed, Mode, Result
from lora_manager.ports.dispatcher import Dispatcher, Report


class DispatcherByMode(Dispatcher):
    """Leaves each delivery to the dispatcher for its mode.

    :param dispatchers: those that this deployment has
    """

    def __init__(self, dispatchers: Mapping[Mode, Dispatcher]) -> None:
        self._dispatchers = dispatchers

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        dispatcher = self._dispatchers.get(delivery.mode)
        if dispatcher is None:
            known = ", ".join(self._dispatchers) or "none"
            message = f"this worker has no dispatcher for the mode {delivery.mode}, only for: {known}"
            raise DispatchFailed("mode_unavailable", message, retryable=False)
        return await dispatcher.dispatch(delivery, report)
