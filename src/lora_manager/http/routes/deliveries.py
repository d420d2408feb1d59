"""Deliveries: accepting them, showing them, following them, and changing their course."""

from dataclasses import replace

from lora_manager.app.deliveries.change_delivery import CancelDelivery, RetryDelivery
from lora_manager.app.deliveries.enqueue_delivery import EnqueueDelivery
from lora_manager.domain.delivery import FINAL
from lora_manager.http.answer import Answer, EmptyAnswer, json_answer
from lora_manager.http.delivery_events import events_of, last_seen
from lora_manager.http.event_stream import EventStream
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.deliveries import (
    AcceptedDelivery,
    DeliveryAnswer,
    DeliveryInput,
    DeliveryPage,
    DeliveryQuery,
)
from lora_manager.http.schemas.delivery_events import DeliveryEvent, ProgressEvent

TAG = "deliveries"


@Operation(
    "POST",
    "/deliveries",
    TAG,
    {201: AcceptedDelivery},
    does=EnqueueDelivery,
    answer_headers=("Location",),
    request_headers=("Idempotency-Key",),
    body=DeliveryInput,
    body_example={
        "prompt": "a quiet harbour <lora:ink-wash:0.75>",
        "mode": "http",
        "params": {"host": "127.0.0.1", "port": 9000, "path": "/prompts"},
    },
    problems=(ProblemKind.IDEMPOTENCY_KEY_REUSED,),
)
async def enqueue_delivery(request: ApiRequest) -> Answer:
    body = await request.input(DeliveryInput)
    command = body.to_command(request.header(b"idempotency-key"))
    delivery = await request.application.enqueue_delivery(command)
    location = f"/deliveries/{delivery.id}".encode()
    return json_answer(AcceptedDelivery(delivery.id, delivery.status), status=201, headers=[(b"location", location)])


@Operation("GET", "/deliveries", TAG, {200: DeliveryPage}, query=DeliveryQuery)
async def list_deliveries(request: ApiRequest) -> Answer:
    """List deliveries, the latest first, page by page."""
    selection = request.query(DeliveryQuery).to_selection()
    deliveries = await request.application.deliveries.page(selection)
    is_last = len(deliveries) < selection.limit or not await request.application.deliveries.page(
        replace(selection, limit=1, before=deliveries[-1].id)
    )
    return json_answer(DeliveryPage.of(deliveries, is_last=is_last))


@Operation("GET", "/deliveries/{id:uuid}", TAG, {200: DeliveryAnswer}, problems=(ProblemKind.DELIVERY_NOT_FOUND,))
async def show_delivery(request: ApiRequest) -> Answer:
    """Show one delivery: where it stands, every attempt, and what came of it."""
    delivery = await request.application.deliveries.get(request.path_id)
    return json_answer(DeliveryAnswer.of(delivery))


@Operation(
    "POST",
    "/deliveries/{id:uuid}/cancel",
    TAG,
    {200: DeliveryAnswer},
    does=CancelDelivery,
    problems=(ProblemKind.DELIVERY_NOT_FOUND, ProblemKind.TRANSITION_NOT_ALLOWED),
)
async def cancel_delivery(request: ApiRequest) -> Answer:
    return json_answer(DeliveryAnswer.of(await request.application.cancel_delivery(request.path_id)))


@Operation(
    "POST",
    "/deliveries/{id:uuid}/retry",
    TAG,
    {200: DeliveryAnswer},
    does=RetryDelivery,
    problems=(ProblemKind.DELIVERY_NOT_FOUND, ProblemKind.TRANSITION_NOT_ALLOWED),
)
async def retry_delivery(request: ApiRequest) -> Answer:
    return json_answer(DeliveryAnswer.of(await request.application.retry_delivery(request.path_id)))


@Operation(
    "GET",
    "/deliveries/{id:uuid}/events",
    TAG,
    {200: None, 204: None},
    request_headers=("Last-Event-ID",),
    streams=(DeliveryEvent, ProgressEvent),
    problems=(ProblemKind.DELIVERY_NOT_FOUND,),
)
async def follow_delivery(request: ApiRequest) -> Answer:
    """Follow a delivery to its end, as server-sent events: what happened to it so far, then whatever happens.

    `Last-Event-ID` goes on behind an event. Where the delivery has ended and the client has all of its events, the
    answer is 204, which tells an `EventSource` not to come back.
    """
    delivery = await request.application.deliveries.get(request.path_id)
    after = last_seen(request.header(b"last-event-id"), delivery)
    if delivery.status in FINAL and after == delivery.revision:
        return EmptyAnswer(204, [(b"cache-control", b"no-store")])
    return EventStream(events_of(request.application.watch_delivery(delivery.id), after), request.stopping)


HANDLERS = (enqueue_delivery, list_deliveries, show_delivery, cancel_delivery, retry_delivery, follow_delivery)
