"""The contract of ``ports.deliveries.DeliveryCatalog``."""

import itertools

import pytest

from lora_manager.domain.delivery import Delivery, DeliveryNotFound, Mode, Progress, Status
from lora_manager.ports.deliveries import DeliverySelection
from tests.contract.examples import LATER, LEASE, NOW, a_delivery, claimed, new_id
from tests.contract.stores import Stores


def in_status(status: Status, mode: Mode) -> Delivery:
    """One of this mode that came to this status."""
    delivery = a_delivery(mode=mode)
    running = claimed(delivery)
    return {
        Status.PENDING: delivery,
        Status.RUNNING: running,
        Status.RETRYING: running.hand_back(1, now=NOW)[0],
        Status.SUCCEEDED: running.succeed(1, {}, now=NOW)[0],
        Status.FAILED: claimed(a_delivery(mode=mode, max_attempts=1)).expire(now=NOW + LEASE)[0],
        Status.CANCELLED: delivery.cancel(now=NOW)[0],
    }[status]


async def test_get_answers_with_what_is_stored(stores: Stores) -> None:
    delivery, other = a_delivery(), a_delivery()
    await stores.accept(delivery, other)
    assert await stores.deliveries.get(delivery.id) == delivery
    await stores.change(claimed(delivery))
    assert await stores.deliveries.get(delivery.id) == claimed(delivery)


async def test_an_unknown_delivery_is_not_found(stores: Stores) -> None:
    unknown = new_id()
    with pytest.raises(DeliveryNotFound) as missing:
        await stores.deliveries.get(unknown)
    assert missing.value.delivery_id == unknown


async def test_what_is_not_committed_is_seen_by_nobody_else(stores: Stores) -> None:
    known, unknown = a_delivery(), a_delivery()
    await stores.accept(known)
    async with stores.begin() as uow:
        await uow.deliveries.add(unknown)
        await uow.deliveries.save(claimed(known))
        assert await stores.deliveries.page(DeliverySelection()) == [known]
        assert await stores.deliveries.revisions([known.id, unknown.id]) == {known.id: 1}
        assert await stores.deliveries.waiting() == 1
    assert await stores.deliveries.get(known.id) == known
    with pytest.raises(DeliveryNotFound):
        await stores.deliveries.get(unknown.id)


async def test_revisions_are_told_of_those_that_exist(stores: Stores) -> None:
    deliveries = [a_delivery() for _ in range(70)]
    await stores.accept(*deliveries)
    running = claimed(deliveries[0])
    await stores.change(running)
    expected = {delivery.id: 1 for delivery in deliveries} | {running.id: 2}
    assert await stores.deliveries.revisions([*expected, new_id()]) == expected
    assert await stores.deliveries.revisions([running.id]) == {running.id: 2}
    assert await stores.deliveries.revisions([]) == {}
    await stores.change(running.renew(1, Progress(0.5), now=LATER, lease=LEASE))
    assert await stores.deliveries.revisions([running.id]) == {running.id: 2}


async def test_pages_lead_from_the_latest_to_the_first(stores: Stores) -> None:
    deliveries = [a_delivery() for _ in range(7)]
    await stores.accept(*deliveries)
    expected = deliveries[::-1]
    assert await stores.deliveries.page(DeliverySelection()) == expected
    pages = []
    before = None
    while page := await stores.deliveries.page(DeliverySelection(limit=3, before=before)):
        pages.append(page)
        before = page[-1].id
    assert [list(page) for page in pages] == [expected[:3], expected[3:6], expected[6:]]


async def test_pages_hold_what_has_one_of_the_statuses_and_one_of_the_modes(stores: Stores) -> None:
    deliveries = [in_status(status, mode) for status in Status for mode in Mode for _ in range(2)]
    await stores.accept(*deliveries)
    latest_first = sorted(deliveries, key=lambda delivery: delivery.id, reverse=True)
    some_statuses = [frozenset[Status](), *map(frozenset, itertools.combinations(Status, 1)), frozenset(Status)]
    some_modes = [frozenset[Mode](), *map(frozenset, itertools.combinations(Mode, 1)), frozenset({Mode.CLI, Mode.HTTP})]
    for statuses, modes in itertools.product([*some_statuses, frozenset({Status.PENDING, Status.FAILED})], some_modes):
        matching = [d for d in latest_first if d.status in (statuses or Status) and d.mode in (modes or Mode)]
        selection = DeliverySelection(statuses=statuses, modes=modes, limit=3)
        assert await stores.deliveries.page(selection) == matching[:3]
        behind = DeliverySelection(statuses=statuses, modes=modes, limit=500, before=matching[0].id)
        assert await stores.deliveries.page(behind) == matching[1:]


async def test_waiting_counts_those_that_are_pending_or_retrying(stores: Stores) -> None:
    assert await stores.deliveries.waiting() == 0
    await stores.accept(*(in_status(status, mode) for status in Status for mode in Mode))
    assert await stores.deliveries.waiting() == 2 * len(Mode)
