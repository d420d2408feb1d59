"""Where deliveries are kept."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lora_manager.domain.delivery import Delivery, Mode, Status


class DeliveryRepository(Protocol):
    """Deliveries as one unit of work sees them.

    What a method returns MUST stay as it is until the unit of work ends: nobody else can change it meanwhile, or an
    attempt to save a change of it raises.
    """

    @abstractmethod
    async def now(self) -> datetime:
        """The time by the store's own clock: the one that all who share the store go by."""

    @abstractmethod
    async def get(self, *delivery_ids: UUID) -> Sequence[Delivery]:
        """The deliveries with these ids, in this order, each once; unknown ids are left out."""

    @abstractmethod
    async def with_key(self, idempotency_key: str) -> Delivery | None:
        """The delivery that was accepted with this key."""

    @abstractmethod
    async def due(self, now: datetime, limit: int, *, at_once: int, only: UUID | None = None) -> Sequence[Delivery]:
        """Up to ``limit`` deliveries that ``Delivery.is_due``, those that wait longest first.

        One whose ``runtime`` has ``at_once`` others running, or about to be claimed from this answer, MUST be left out;
        the limit holds across all workers. One that another unit of work holds is passed over, not waited for. Of those
        whose lease ran out, none counts as running. With ``only``, no other delivery is looked at.
        """

    @abstractmethod
    async def add(self, delivery: Delivery) -> None:
        """Store a new delivery.

        :raises Conflict: its id or its idempotency key is stored already
        """

    @abstractmethod
    async def save(self, *deliveries: Delivery) -> None:
        """Store changed deliveries, each of which this unit of work has read.

        :raises DeliveryNotFound: nothing is stored under this id
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySelection:
    """Which deliveries to list, the latest first.

    :param statuses: any of them; none means all
    :param modes: any of them; none means all
    :param limit: 1..500
    :param before: the id of the last one on the page before
    """

    statuses: frozenset[Status] = frozenset()
    modes: frozenset[Mode] = frozenset()
    limit: int = 100
    before: UUID | None = None


class DeliveryCatalog(Protocol):
    """Answers from what is committed, without a transaction."""

    @abstractmethod
    async def get(self, delivery_id: UUID) -> Delivery:
        """The delivery with this id.

        :raises DeliveryNotFound: there is none
        """

    @abstractmethod
    async def revisions(self, delivery_ids: Collection[UUID]) -> dict[UUID, int]:
        """``Delivery.revision`` of each that exists; what a worker and a watcher look at every second."""

    @abstractmethod
    async def page(self, selection: DeliverySelection) -> Sequence[Delivery]:
        """The deliveries selected, the latest first; fewer than the limit only on the last page."""

    @abstractmethod
    async def waiting(self) -> int:
        """How many are pending or retrying."""
