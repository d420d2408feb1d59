"""Who watches a delivery is told of it although the store is away for a while."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import timedelta
from uuid import UUID

import pytest

from lora_manager.adapters.memory.delivery_catalog import MemoryDeliveryCatalog
from lora_manager.app.deliveries import watch_delivery
from lora_manager.app.deliveries.watch_delivery import WatchDelivery
from lora_manager.domain.delivery import Delivery, Status
from lora_manager.domain.errors import Unavailable
from tests.unit.app.deliveries.post import PATIENCE_S, FragileStore, Post


class FragileCatalog(MemoryDeliveryCatalog):
    """Refuses while its store is away."""

    def __init__(self, store: FragileStore) -> None:
        super().__init__(store)
        self._fragile = store

    async def get(self, delivery_id: UUID) -> Delivery:
        if self._fragile.is_away:
            self._fragile.refusals.release()
            raise Unavailable("the database is away")
        return await super().get(delivery_id)


@pytest.fixture
def watch(post: Post, monkeypatch: pytest.MonkeyPatch) -> WatchDelivery:
    """Looks often."""
    monkeypatch.setattr(watch_delivery, "LOOK_EVERY", timedelta(milliseconds=1))
    return WatchDelivery(FragileCatalog(post.store))


async def test_a_store_that_goes_away_is_waited_for_and_told_once(
    post: Post, watch: WatchDelivery, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = await post.enqueue()
    watching = watch(delivery.id)
    assert (await soon(watching)).status is Status.PENDING
    with caplog.at_level(logging.WARNING):
        coming = asyncio.create_task(soon(watching))
        post.store.is_away = True
        for _ in range(3):
            await asyncio.wait_for(post.store.refusals.acquire(), PATIENCE_S)
        post.store.is_away = False
        await post.cancel(delivery.id)
        assert (await coming).status is Status.CANCELLED
    assert caplog.text.count("wait until the store answers again: the database is away") == 1
    with pytest.raises(StopAsyncIteration):
        await soon(watching)


async def test_a_store_that_is_away_from_the_beginning_is_told_at_once(post: Post, watch: WatchDelivery) -> None:
    delivery = await post.enqueue()
    post.store.is_away = True
    with pytest.raises(Unavailable, match="the database is away"):
        await soon(watch(delivery.id))


async def soon(watching: AsyncGenerator[Delivery, None]) -> Delivery:
    """What is told next."""
    async with asyncio.timeout(PATIENCE_S):
        return await anext(watching)
