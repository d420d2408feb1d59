"""What is accepted is stored; what cannot succeed here is refused before anything is."""

from collections.abc import Mapping

import pytest

from lora_manager.domain.delivery import DeliveryNotFound, IdempotencyKeyReused, Mode, Status, TransitionNotAllowed
from lora_manager.domain.errors import InvalidFields
from lora_manager.domain.ids import uuid7
from lora_manager.ports.trail import following
from tests.contract.spans import TRAIL
from tests.unit.app.deliveries.post import SDNEXT, Post

WORKFLOW = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["1", 1], "text": "{prompt}"}},
    "3": {"class_type": "KSampler", "inputs": {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0]}},
    "4": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


async def refused(post: Post, mode: Mode, params: Mapping[str, object], **options: int | str) -> str:
    """What an attempt to enqueue this is refused with; nothing is stored."""
    with pytest.raises(InvalidFields) as caught:
        await post.enqueue(mode=mode, params=params, **options)
    assert not post.store.deliveries
    return str(caught.value)


async def test_an_accepted_delivery_is_stored_and_waits(post: Post) -> None:
    delivery = await post.enqueue(max_attempts=7, timeout_s=1.5)
    assert post.store.deliveries == {delivery.id: delivery}
    assert (delivery.status, delivery.attempts_left, delivery.timeout_s) == (Status.PENDING, 7, 1.5)
    assert delivery.next_attempt_at == delivery.created_at == post.clock.time


async def test_the_same_key_and_request_are_one_delivery(post: Post) -> None:
    first = await post.enqueue(idempotency_key="k")
    assert await post.enqueue(idempotency_key="k") == first
    assert await post.enqueue(idempotency_key="other") != first
    assert len(post.store.deliveries) == 2


async def test_a_delivery_keeps_the_trail_of_the_request_that_it_came_from(post: Post) -> None:
    with following(TRAIL):
        delivery = await post.enqueue()
    assert post.store.deliveries[delivery.id].trail == TRAIL
    assert (await post.enqueue()).trail == {}


async def test_a_request_that_is_sent_again_leaves_the_trail_of_the_first(post: Post) -> None:
    with following(TRAIL):
        first = await post.enqueue(idempotency_key="k")
    with following({"request_id": "r-2"}):
        again = await post.enqueue(idempotency_key="k")
    assert again == first == post.store.deliveries[first.id]
    assert first.trail == TRAIL


async def test_the_same_key_with_another_request_is_refused(post: Post) -> None:
    await post.enqueue(idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        await post.enqueue(idempotency_key="k", max_attempts=2)


async def test_a_host_that_is_not_allowed_is_refused_with_the_setting_to_change(post: Post) -> None:
    said = await refused(post, Mode.HTTP, {"host": "169.254.169.254"})
    assert "params.host" in said
    assert "DELIVERY_ALLOWED_HOSTS" in said
    assert "params.base_url" in await refused(post, Mode.SDNEXT, {"base_url": "http://user:hunter2@gpu.lan:7860"})


async def test_a_refusal_does_not_repeat_a_password(post: Post) -> None:
    assert "hunter2" not in await refused(post, Mode.SDNEXT, {"base_url": "http://user:hunter2@gpu.lan:7860"})


async def test_an_unknown_command_is_refused_with_those_that_are_known(post: Post) -> None:
    said = await refused(post, Mode.CLI, {"template": "rm"})
    assert "params.template" in said
    assert "draw" in said


async def test_a_workflow_without_a_place_for_a_lora_is_refused_only_if_there_is_a_lora(post: Post) -> None:
    bare = {"base_url": "http://127.0.0.1:8188", "workflow": {"4": WORKFLOW["4"]}}
    await post.enqueue(mode=Mode.COMFYUI, params={**bare, "workflow": WORKFLOW})
    post.store.deliveries.clear()
    command = {"prompt": "<lora:ink:1> a harbour"}
    assert "params.workflow" in await refused(post, Mode.COMFYUI, bare, **command)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", 101),
        ("timeout_s", 0),
        ("timeout_s", float("nan")),
        ("prompt", "\x00"),
        ("prompt", "x" * 1_000_001),
        ("idempotency_key", ""),
        ("idempotency_key", "a b"),
        ("idempotency_key", "x" * 256),
    ],
)
async def test_limits_are_kept(post: Post, name: str, value: float | str) -> None:
    said = await refused(post, Mode.HTTP, {"host": "localhost"}, **{name: value})  # type: ignore[arg-type]  # as named
    assert name.replace("idempotency_key", "Idempotency-Key") in said


async def test_parameters_are_nested_only_so_deep(post: Post) -> None:
    payload: dict[str, object] = {}
    for _ in range(1_000):
        payload = {"deeper": [payload]}
    assert "nested" in await refused(post, Mode.SDNEXT, {**SDNEXT, "payload": payload})


@pytest.mark.parametrize("wrong", ["\x00", "\ud800", float("inf"), float("nan"), {"\ud800": 1}])
async def test_parameters_hold_only_what_json_can(post: Post, wrong: object) -> None:
    assert "params" in await refused(post, Mode.SDNEXT, {**SDNEXT, "payload": {"styles": [wrong]}})


async def test_what_a_runtime_is_limited_to_goes_by_its_address(post: Post) -> None:
    assert (await post.enqueue(mode=Mode.SDNEXT, params=SDNEXT)).runtime == "localhost:7860"
    assert (await post.enqueue()).runtime is None


async def test_only_what_has_not_ended_can_be_cancelled_and_only_what_failed_retried(post: Post) -> None:
    delivery = await post.enqueue()
    with pytest.raises(TransitionNotAllowed, match="pending"):
        await post.retry(delivery.id)
    assert (await post.cancel(delivery.id)).status is Status.CANCELLED
    with pytest.raises(TransitionNotAllowed, match="cancelled"):
        await post.cancel(delivery.id)


async def test_an_unknown_delivery_is_not_found(post: Post) -> None:
    for change in (post.cancel, post.retry):
        with pytest.raises(DeliveryNotFound):
            await change(uuid7(1, 1))
