"""The contract of ``ports.deliveries.DeliveryRepository``."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from lora_manager.domain.delivery import (
    Content,
    DeliveredLora,
    Delivery,
    DeliveryNotFound,
    DispatchFailed,
    IdempotencyKey,
    Mode,
    Progress,
)
from lora_manager.domain.errors import Conflict
from tests.contract.examples import LATER, LEASE, NOW, a_delivery, claimed, new_id
from tests.contract.stores import Stores

SECOND = timedelta(seconds=1)
REFUSED = DispatchFailed("refused", "it said no: \ud800 \x00", retryable=True, retry_after=timedelta(seconds=5))


async def stored(stores: Stores, *delivery_ids: UUID) -> Sequence[Delivery]:
    async with stores.begin() as uow:
        return await uow.deliveries.get(*delivery_ids)


async def due(
    stores: Stores, now: datetime = NOW, limit: int = 100, at_once: int = 1, only: UUID | None = None
) -> Sequence[Delivery]:
    async with stores.begin() as uow:
        return await uow.deliveries.due(now, limit, at_once=at_once, only=only)


async def test_every_field_comes_back_as_it_was_stored(stores: Stores) -> None:
    bare = DeliveredLora(new_id(), "wash", None, 1.0, None, None, "/loras/wash.safetensors")
    lora = DeliveredLora(new_id(), "ink 🖌", "1.0 'β'", 0.1, -0.0, "0" * 64, "/loras/ink.safetensors")
    accepted = a_delivery(
        prompt="<lora:ink 🖌:0.1>, \n'wash' \"%_\\" + "x" * 100_000,
        mode=Mode.COMFYUI,
        params={"base_url": "http://127.0.0.1:8188", "workflow": {"1": {"inputs": {"seed": 2**64}}}, "loader": None},
        content=Content("wash", ("<lora:ink 🖌:0.1>",), (lora, bare)),
        created_at=NOW - SECOND,
        runtime="localhost:8188",
        max_attempts=2,
        timeout_s=0.1,
        idempotency=IdempotencyKey("a key", "f" * 64),
        trail={"request_id": "r-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    )
    running = claimed(accepted).renew(1, Progress(1 / 3, "step 7 of 20"), now=LATER, lease=LEASE)
    retrying, _ = running.fail(1, REFUSED, now=LATER, chance=0.5)
    succeeded, _ = claimed(retrying, LATER + SECOND).succeed(2, {"status": 200}, now=LATER + 2 * SECOND)
    await stores.accept(accepted)
    assert await stored(stores, accepted.id) == [accepted]
    for change in (running, retrying, claimed(retrying, LATER + SECOND), succeeded):
        await stores.change(change)
        assert await stored(stores, accepted.id) == [change]
        assert await stores.deliveries.get(accepted.id) == change


@pytest.mark.parametrize(
    "value",
    [
        {"deep": [[[[[[{"deeper": {}}]]]]]]},
        {"big": 2**70, "small": -(2**70), "floats": [0.1, -0.0, 5e-324, 1.7976931348623157e308, 1e22, 1.0]},
        {"": None, "\x00": "\x00", "ü🖌": "ß\u2028", "\ud800": ["\udfff and more"]},
        {"true": True, "false": False, "one": 1, "list": [], "text": "1"},
        {},
    ],
    ids=["deep", "numbers", "characters", "kinds", "empty"],
)
async def test_params_and_results_are_any_json_and_come_back_exactly(stores: Stores, value: dict[str, object]) -> None:
    delivery = a_delivery(params=value)
    ended, _ = claimed(delivery).succeed(1, value, now=LATER)
    await stores.accept(delivery)
    await stores.change(ended)
    for found in (*await stored(stores, delivery.id), await stores.deliveries.get(delivery.id)):
        assert found == ended
        assert repr((found.params, found.result)) == repr((value, value))  # tells -0.0 from 0.0, and 1 from True


async def test_get_answers_in_the_order_asked_each_once_without_unknown_ids(stores: Stores) -> None:
    a, b = a_delivery(), a_delivery()
    await stores.accept(a, b)
    assert await stored(stores, b.id, new_id(), a.id, b.id) == [b, a]
    assert await stored(stores) == []


async def test_more_may_be_asked_for_than_a_statement_takes_parameters(stores: Stores) -> None:
    delivery = a_delivery()
    await stores.accept(delivery)
    unknown = [new_id() for _ in range(40_000)]
    assert await stored(stores, *unknown, delivery.id) == [delivery]
    assert await stores.deliveries.revisions([*unknown, delivery.id]) == {delivery.id: 1}


async def test_a_transaction_sees_its_own_changes(stores: Stores) -> None:
    delivery = a_delivery(idempotency=IdempotencyKey("key", "print"))
    async with stores.begin() as uow:
        await uow.deliveries.add(delivery)
        assert await uow.deliveries.due(NOW, 9, at_once=1) == [delivery]
        await uow.deliveries.save(claimed(delivery))
        assert await uow.deliveries.get(delivery.id) == [claimed(delivery)]
        assert await uow.deliveries.with_key("key") == claimed(delivery)
        assert await uow.deliveries.due(NOW, 9, at_once=1) == []


async def test_the_clock_of_the_store_tells_utc_and_goes_on(stores: Stores) -> None:
    async with stores.begin() as uow:
        times = [await uow.deliveries.now() for _ in range(3)]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta()}


async def test_a_delivery_is_found_by_its_key(stores: Stores) -> None:
    keyed = a_delivery(idempotency=IdempotencyKey("k" * 255, "print"))
    await stores.accept(a_delivery(), a_delivery(idempotency=IdempotencyKey("other", "print")), keyed)
    async with stores.begin() as uow:
        assert await uow.deliveries.with_key("k" * 255) == keyed
        assert await uow.deliveries.with_key("K" * 255) is None


async def test_an_id_or_a_key_that_is_stored_already_is_a_conflict_that_changes_nothing(stores: Stores) -> None:
    first = a_delivery(idempotency=IdempotencyKey("key", "print"))
    await stores.accept(first)
    same_id = a_delivery(id=first.id)
    same_key = a_delivery(idempotency=IdempotencyKey("key", "another print"))
    other = a_delivery()
    async with stores.begin() as uow:
        for taken in (same_id, same_key):
            with pytest.raises(Conflict):
                await uow.deliveries.add(taken)
        assert await uow.deliveries.with_key("key") == first
        await uow.deliveries.add(other)
        await uow.commit()
    assert await stored(stores, first.id, same_key.id, other.id) == [first, other]


async def test_saving_what_is_not_stored_is_refused_and_changes_nothing(stores: Stores) -> None:
    known, unknown = a_delivery(), a_delivery()
    await stores.accept(known)
    async with stores.begin() as uow:
        with pytest.raises(DeliveryNotFound) as refused:
            await uow.deliveries.save(claimed(known), claimed(unknown))
        await uow.deliveries.save()
        await uow.commit()
    assert refused.value.delivery_id == unknown.id
    assert await stored(stores, known.id, unknown.id) == [known]


async def test_several_changes_of_one_delivery_may_be_saved_at_once(stores: Stores) -> None:
    delivery = a_delivery()
    await stores.accept(delivery)
    running = claimed(delivery)
    ended, _ = running.succeed(1, {}, now=LATER)
    await stores.change(running, ended)
    assert await stored(stores, delivery.id) == [ended]


async def test_what_was_read_before_a_commit_and_changed_since_cannot_be_saved(stores: Stores) -> None:
    delivery = a_delivery()
    await stores.accept(delivery)
    async with stores.begin() as uow:
        (read,) = await uow.deliveries.get(delivery.id)
        await uow.commit()
        await uow.deliveries.save(read.cancel(now=NOW)[0])
        await uow.commit()
        with pytest.raises(Conflict, match="read it again"):
            await uow.deliveries.save(claimed(read))
    assert await stored(stores, delivery.id) == [read.cancel(now=NOW)[0]]


async def test_due_is_what_waits_until_now_and_what_runs_without_a_lease(stores: Stores) -> None:
    pending, coming = a_delivery(), a_delivery(created_at=LATER)
    running = claimed(a_delivery(), NOW)
    retrying, _ = claimed(a_delivery(), NOW).fail(1, REFUSED, now=NOW, chance=0)
    ended = [
        claimed(a_delivery()).succeed(1, {}, now=NOW)[0],
        claimed(a_delivery(max_attempts=1)).fail(1, REFUSED, now=NOW, chance=0)[0],
        claimed(a_delivery()).cancel(now=NOW)[0],
        a_delivery().cancel(now=NOW)[0],
    ]
    everything = [pending, coming, running, retrying, *ended]
    await stores.accept(*everything)
    for after in (timedelta(), SECOND, 5 * SECOND - timedelta(microseconds=1), 5 * SECOND, LEASE, 9 * LEASE):
        now = NOW + after
        found = await due(stores, now)
        assert {delivery.id for delivery in found} == {delivery.id for delivery in everything if delivery.is_due(now)}
        assert all(delivery in everything for delivery in found)
    assert await due(stores, NOW - SECOND) == []


async def test_due_gives_those_first_that_wait_longest(stores: Stores) -> None:
    moments = [NOW + number * SECOND for number in (4, 1, 0, 3, 1)]
    waiting = [a_delivery(created_at=moment) for moment in moments]
    lost = claimed(a_delivery(), NOW + 2 * SECOND - LEASE)
    limited = a_delivery(created_at=NOW + 1.5 * SECOND, runtime="gpu:1")
    await stores.accept(*waiting, lost, limited)
    order = [waiting[2], waiting[1], waiting[4], limited, lost, waiting[3], waiting[0]]
    assert await due(stores, NOW + 4 * SECOND) == order
    assert await due(stores, NOW + 4 * SECOND, limit=4) == order[:4]
    assert await due(stores, NOW + 4 * SECOND, limit=1) == order[:1]


@pytest.mark.parametrize("at_once", [1, 2, 5])
async def test_due_leaves_out_what_would_run_beside_more_than_its_runtime_takes(stores: Stores, at_once: int) -> None:
    everywhere = [a_delivery() for _ in range(4)]
    first = [a_delivery(runtime="gpu:1") for _ in range(4)]
    second = [a_delivery(runtime="gpu:2") for _ in range(4)]
    await stores.accept(*first, *everywhere, *second)
    await stores.change(claimed(second[0]))
    found = await due(stores, at_once=at_once)
    assert found == [*everywhere, *first[:at_once], *second[1:at_once]]
    await stores.change(*map(claimed, found))
    assert await due(stores, at_once=at_once) == []
    await stores.change(claimed(first[0]).succeed(1, {}, now=NOW)[0])
    assert await due(stores, at_once=at_once) == first[at_once : at_once + 1]


async def test_a_runtime_that_runs_more_than_it_may_gets_no_more(stores: Stores) -> None:
    running = [a_delivery(runtime="gpu:1") for _ in range(3)]
    waiting = a_delivery(runtime="gpu:1")
    await stores.accept(*map(claimed, running), waiting)
    assert await due(stores, at_once=2) == []
    assert await due(stores, at_once=4) == [waiting]


async def test_what_lost_its_lease_does_not_count_as_running(stores: Stores) -> None:
    lost = claimed(a_delivery(runtime="gpu:1"), NOW - LEASE)
    waiting = a_delivery(created_at=NOW - 2 * LEASE, runtime="gpu:1")
    await stores.accept(lost, waiting)
    assert await due(stores, NOW - timedelta(microseconds=1)) == []
    assert await due(stores, NOW) == [waiting]
    assert await due(stores, NOW, at_once=2) == [waiting, lost]


async def test_a_long_line_before_a_busy_runtime_hides_nothing_behind_it(stores: Stores) -> None:
    line = [a_delivery(runtime="gpu:1") for _ in range(100)]
    behind = [a_delivery(created_at=LATER), a_delivery(created_at=LATER, runtime="gpu:2")]
    await stores.accept(claimed(line[0]), *line[1:], *behind)
    assert await due(stores, LATER, limit=2) == behind


async def test_of_very_many_runtimes_each_gets_its_turn(stores: Stores) -> None:
    waiting = [a_delivery(runtime=f"gpu:{number}", created_at=NOW + number * SECOND) for number in range(150)]
    await stores.accept(*waiting)
    now = NOW + 150 * SECOND
    assert await due(stores, now, limit=20) == waiting[:20]
    turns: list[Delivery] = []
    while found := await due(stores, now, limit=1_000):
        await stores.change(*(claimed(delivery, now) for delivery in found))
        turns += found
    assert turns == waiting


@pytest.mark.parametrize("runtime", [None, "gpu:1"])
async def test_due_may_be_asked_of_one_delivery_alone(stores: Stores, runtime: str | None) -> None:
    before, one, later = (a_delivery(runtime=runtime) for _ in range(3))
    await stores.accept(before, one, later)
    assert await due(stores, only=one.id) == [one]
    assert await due(stores, NOW - SECOND, only=one.id) == []
    assert await due(stores, only=new_id()) == []
    await stores.change(claimed(before))
    assert await due(stores, only=one.id) == ([one] if runtime is None else [])
    assert await due(stores, only=one.id, at_once=2) == [one]
    await stores.change(one.cancel(now=NOW)[0])
    assert await due(stores, only=one.id, at_once=3) == []
