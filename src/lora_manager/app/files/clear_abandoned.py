"""Clear away what uploads that were never finished left in a store."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from lora_manager.app.chore import Chore, pause
from lora_manager.domain.errors import Failure
from lora_manager.ports.blob_store import PartStore

_logger = logging.getLogger(__name__)


class ClearAbandoned(Chore):
    """Removes the parts of uploads whose process died, at once and then again and again.

    :param abandoned_after: how long nothing must have come before an upload counts as dead
    """

    def __init__(self, stores: Sequence[PartStore], abandoned_after: timedelta) -> None:
        self._stores = stores
        self._abandoned_after = abandoned_after

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self()
            await pause(stop, self._abandoned_after.total_seconds())

    async def __call__(self) -> None:
        """Look once through all stores."""
        for store in self._stores:
            try:
                removed = await store.sweep(self._abandoned_after)
            except Failure as error:
                _logger.warning("abandoned uploads are not cleared away now: %s", error)
                continue
            except Exception:
                _logger.exception("a fault of this service keeps abandoned uploads from being cleared away")
                continue
            if removed:
                _logger.info("cleared away %d abandoned uploads", removed)
