"""The registry in numbers, for metrics."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.domain.delivery import Status
from lora_manager.ports.metrics import FigureCatalog, Figures


class MemoryFigureCatalog(FigureCatalog):
    """Counts by going through all there is."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def figures(self) -> Figures:
        now = self._store.clock.now()
        loras = self._store.living()
        deliveries = self._store.deliveries.values()
        statuses = Counter(delivery.status for delivery in deliveries)
        due = (one.lease.until if one.lease else one.next_attempt_at for one in deliveries)
        unpublished = [one.waiting_since for one in self._store.publications.values() if one.waiting_since is not None]
        return Figures(
            adapters=len(loras),
            active=sum(lora.active for lora in loras),
            pending=statuses[Status.PENDING],
            retrying=statuses[Status.RETRYING],
            running=statuses[Status.RUNNING],
            waiting_s=_oldest((moment for moment in due if moment is not None), now),
            outbox=len(unpublished),
            outbox_age_s=_oldest(unpublished, now),
        )


def _oldest(moments: Iterable[datetime], now: datetime) -> float:
    """Seconds since the first of them; 0 where there is none, or it is still to come."""
    return max((now - min(moments, default=now)).total_seconds(), 0.0)
