"""One attempt at a delivery, while a worker is at it."""

import asyncio
import json
import logging
from dataclasses import dataclass, field
from datetime import datetime

from lora_manager.app.deliveries.on_trail import on_trail_of
from lora_manager.app.deliveries.turn import HandBack, Held, Outcome
from lora_manager.domain.delivery import Delivery, DispatchFailed, Progress
from lora_manager.ports.dispatcher import Dispatcher
from lora_manager.ports.tracing import Tracer

_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class RunningAttempt:
    """An attempt that this worker is at.

    :param held_since: when its lease began, by the store's clock: the one that other workers go by
    :param told_at: when its progress was stored last, by the event loop's clock
    :param told: the progress that is stored
    :param outcome: None while it runs
    """

    delivery: Delivery
    held_since: datetime
    told_at: float
    progress: Progress = field(default_factory=Progress)
    told: Progress = field(default_factory=Progress)
    outcome: Outcome | None = None
    held: Held = field(init=False)

    def __post_init__(self) -> None:
        self.held = Held(self.delivery.id, self.delivery.fence)

    async def run(self, dispatcher: Dispatcher, tracer: Tracer) -> None:
        """Have the delivery sent, and keep what came of it."""
        with on_trail_of(self.delivery):
            self.outcome = await self._outcome(dispatcher, tracer)

    async def _outcome(self, dispatcher: Dispatcher, tracer: Tracer) -> Outcome:
        delivery = self.delivery
        try:
            with tracer.span("delivery attempt", **_attributes(delivery)):
                async with asyncio.timeout(delivery.timeout_s):
                    result = await dispatcher.dispatch(delivery, self._report)
                json.dumps(result, allow_nan=False)
        except DispatchFailed as failure:
            return failure
        except asyncio.CancelledError:
            return HandBack()
        except TimeoutError:
            message = f"it was not done within {delivery.timeout_s:g} s; timeout_s allows it more"
            return DispatchFailed("timeout", message, retryable=True)
        except Exception:
            _logger.exception("attempt %d of delivery %s: a fault of the dispatcher", delivery.fence, delivery.id)
            return DispatchFailed("fault", "a fault of this service; its log says more", retryable=True)
        return result

    def _report(self, progress: Progress) -> None:
        self.progress = progress


def _attributes(delivery: Delivery) -> dict[str, str | int]:
    return {
        "delivery.id": str(delivery.id),
        "delivery.mode": delivery.mode.value,
        "delivery.attempt": delivery.fence,
    }
