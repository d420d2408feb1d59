"""The contract of ``ports.metrics.FigureCatalog``."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lora_manager.domain.delivery import Mode
from lora_manager.ports.metrics import Figures
from tests.contract.examples import LEASE, a_delivery, a_lora, claimed
from tests.contract.publication_examples import a_change, failed, synced, waiting
from tests.contract.stores import Stores

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DRAWN = "http://127.0.0.1:7860"
NOTHING = Figures(
    adapters=0, active=0, pending=0, retrying=0, running=0, waiting_s=0.0, outbox=0, outbox_age_s=0.0
)  # fmt: skip


@pytest.fixture
def now() -> datetime:
    """The time; no store's clock is more than a minute from it."""
    return datetime.now(UTC)


def about(age: timedelta) -> object:
    return pytest.approx(age.total_seconds(), abs=60)


async def test_of_an_empty_registry_all_figures_are_zero(stores: Stores) -> None:
    assert await stores.figures.figures() == NOTHING


async def test_loras_are_counted_without_those_deleted(stores: Stores, now: datetime) -> None:
    active = [a_lora(name, active=True) for name in ("a", "b", "c")]
    await stores.add(*active, a_lora("d"), a_lora("e"))
    assert await stores.figures.figures() == replace(NOTHING, adapters=5, active=3)
    await stores.save(active[0].delete(now=now)[0], active[1].deactivate(now=now)[0])
    assert await stores.figures.figures() == replace(NOTHING, adapters=4, active=1)


async def test_deliveries_are_counted_by_the_status_they_wait_or_run_in(stores: Stores, now: datetime) -> None:
    running = [claimed(a_delivery(mode=mode), now) for mode in Mode]
    retrying = [claimed(a_delivery(), now).hand_back(1, now=now)[0] for _ in range(3)]
    ended = [claimed(a_delivery(), now).succeed(1, {}, now=now)[0], a_delivery().cancel(now=now)[0]]
    await stores.accept(*running, *retrying, *ended, *(a_delivery() for _ in range(2)))
    figures = await stores.figures.figures()
    assert (figures.pending, figures.retrying, figures.running) == (2, 3, len(Mode))


@pytest.mark.parametrize("runtime", [None, DRAWN], ids=["without a runtime", "for a runtime"])
async def test_the_delivery_that_waits_longest_tells_since_when_it_is_due(
    stores: Stores, now: datetime, runtime: str | None
) -> None:
    longest = a_delivery(created_at=now - DAY, runtime=runtime)
    others = [a_delivery(created_at=now - HOUR), a_delivery(created_at=now - HOUR, runtime="http://127.0.0.1:8188")]
    await stores.accept(*others, longest)
    assert (await stores.figures.figures()).waiting_s == about(DAY)
    await stores.change(claimed(longest, now))
    assert (await stores.figures.figures()).waiting_s == about(HOUR)


async def test_what_is_not_due_yet_and_what_ended_does_not_wait(stores: Stores, now: datetime) -> None:
    ended = claimed(a_delivery(created_at=now - DAY), now).succeed(1, {}, now=now)[0]
    await stores.accept(a_delivery(created_at=now + DAY), ended, a_delivery(created_at=now - DAY).cancel(now=now)[0])
    assert (await stores.figures.figures()).waiting_s == 0


async def test_a_delivery_whose_worker_died_waits_from_the_end_of_its_lease(stores: Stores, now: datetime) -> None:
    await stores.accept(claimed(a_delivery(created_at=now - DAY), now - HOUR - LEASE))
    figures = await stores.figures.figures()
    assert (figures.running, figures.waiting_s) == (1, about(HOUR))


async def test_publications_that_wait_are_counted_and_the_oldest_change_tells_since_when(
    stores: Stores, now: datetime
) -> None:
    oldest = waiting(now - DAY)
    await stores.publish(synced(), waiting(now - HOUR), oldest)
    figures = await stores.figures.figures()
    assert (figures.outbox, figures.outbox_age_s) == (2, about(DAY))
    await stores.announce(a_change(oldest.lora_id, 2, at=now))
    assert (await stores.figures.figures()).outbox_age_s == about(DAY)
    await stores.publish(oldest.published(2, "s3://b/k", "v", now=now)[0])
    figures = await stores.figures.figures()
    assert (figures.outbox, figures.outbox_age_s) == (1, about(HOUR))


async def test_a_publication_that_failed_waits_on(stores: Stores) -> None:
    await stores.publish(failed())
    assert (await stores.figures.figures()).outbox == 1


async def test_what_is_published_once_more_though_nothing_changed_does_not_wait(stores: Stores, now: datetime) -> None:
    await stores.publish(synced().claimed(now=now, lease=LEASE))
    assert await stores.figures.figures() == NOTHING


async def test_a_clock_that_was_set_back_makes_no_age_negative(stores: Stores, now: datetime) -> None:
    await stores.accept(a_delivery(created_at=now + DAY))
    await stores.publish(waiting(now + DAY))
    figures = await stores.figures.figures()
    assert (figures.waiting_s, figures.outbox_age_s) == (0, 0)


async def test_what_is_not_committed_is_not_counted(stores: Stores) -> None:
    async with stores.begin() as uow:
        await uow.loras.add(a_lora(active=True))
        await uow.deliveries.add(a_delivery())
        await uow.publications.announce(a_change())
        assert await stores.figures.figures() == NOTHING
