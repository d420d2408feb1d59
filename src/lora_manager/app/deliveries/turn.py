"""One transaction of a worker: what ended is recorded, what goes on is renewed, what is due is claimed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias
from uuid import UUID

from lora_manager.domain.delivery import CLAIMABLE, Delivery, DispatchFailed, LeaseLost, Progress, Result
from lora_manager.domain.delivery.delivery import Change
from lora_manager.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class HandBack:
    """The attempt was broken off so that another worker goes on."""


Outcome: TypeAlias = Result | DispatchFailed | HandBack


class Held(NamedTuple):
    """An attempt that this worker holds: its delivery and its number."""

    delivery_id: UUID
    fence: int


class Turn:
    """What one transaction of a worker changes; nothing of it counts unless that was committed.

    :param worker: the worker's name
    :param now: by the store's clock
    :param lease: for how long a delivery is the worker's from now on
    :param chance: makes random numbers in 0..1
    """

    def __init__(self, worker: str, now: datetime, lease: timedelta, chance: Callable[[], float]) -> None:
        self._worker = worker
        self._now = now
        self._lease = lease
        self._chance = chance
        self.changes: list[Change] = []
        self.lost: list[Held] = []
        self.claimed: list[Delivery] = []
        self.changed = False

    async def record(self, uow: UnitOfWork, ended: Mapping[Held, Outcome], going_on: Mapping[Held, Progress]) -> None:
        """Record attempts that ended, and renew the leases of those that go on; ``lost`` gets what is not held."""
        held = {one.delivery_id: one.fence for one in (*ended, *going_on)}
        if not held:
            return
        changed = []
        for delivery in await uow.deliveries.get(*held):
            one = Held(delivery.id, held.pop(delivery.id))
            try:
                changed.append(self._recorded(delivery, one, ended, going_on))
            except LeaseLost:
                self.lost.append(one)
        self.lost += [Held(*one) for one in held.items()]  # which are stored no longer
        await self._save(uow, changed)

    async def claim(self, uow: UnitOfWork, limit: int, *, at_once: int, only: UUID | None = None) -> None:
        """Claim up to ``limit`` deliveries that are due; ``claimed`` gets them."""
        now, changed = self._now, []
        for due in await uow.deliveries.due(now, limit, at_once=at_once, only=only):
            delivery = due if due.lease is None else self._noted(due.expire(now=now))
            if delivery.status in CLAIMABLE:
                delivery = self._noted(delivery.claim(self._worker, now=now, lease=self._lease))
                self.claimed.append(delivery)
            changed.append(delivery)
        await self._save(uow, changed)

    def _recorded(
        self, delivery: Delivery, one: Held, ended: Mapping[Held, Outcome], going_on: Mapping[Held, Progress]
    ) -> Delivery:
        now = self._now
        if one in going_on:
            return delivery.renew(one.fence, going_on[one], now=now, lease=self._lease)
        outcome = ended[one]
        if isinstance(outcome, HandBack):
            change = delivery.hand_back(one.fence, now=now)
        elif isinstance(outcome, DispatchFailed):
            change = delivery.fail(one.fence, outcome, now=now, chance=self._chance())
        else:
            change = delivery.succeed(one.fence, outcome, now=now)
        return self._noted(change)

    def _noted(self, change: Change) -> Delivery:
        """What a delivery has become; ``changes`` gets it, with what there is to tell of it."""
        self.changes.append(change)
        delivery, _ = change
        return delivery

    async def _save(self, uow: UnitOfWork, changed: Sequence[Delivery]) -> None:
        if changed:
            await uow.deliveries.save(*changed)
            self.changed = True
