"""Deliveries: asking for one, listing them, and the record of each."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field

from lora_manager.app.deliveries.enqueue_delivery import EnqueueDeliveryCommand
from lora_manager.domain.delivery import Attempt, Delivery, DeliveryError, Mode, Outcome, Progress, Status
from lora_manager.domain.delivery.limits import MAX_PROMPT
from lora_manager.domain.delivery.masking import masked
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.selection import MAX_LIMIT
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.destination import Limits, SaidDestination
from lora_manager.http.schemas.input import Input
from lora_manager.http.schemas.targets import Params
from lora_manager.ports.deliveries import DeliverySelection

_UUID_VERSION = 7


class DeliveryInput(Limits, frozen=True, kw_only=True):
    """A prompt, and where it is to go."""

    prompt: Annotated[
        str,
        Meta(
            examples=["a quiet harbour <lora:ink-wash:0.75>"],
            extra_json_schema={"maxLength": MAX_PROMPT, "pattern": r"^[^\x00]*$"},
        ),
    ]
    mode: Annotated[Mode, Meta(description="The kind of the target")]
    params: Params = field(default_factory=dict)

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        if "mode" not in sound:  # without it nothing can be said of the parameters
            sound = {**sound, "mode": Mode.CLI.value, "params": {}}
        convert({"prompt": "", **sound}, cls).to_command()

    def to_command(self, idempotency_key: str | None = None) -> EnqueueDeliveryCommand:
        """The request as the application knows it.

        :raises InvalidFields: naming all that is wrong, as far as that does not depend on the deployment
        """
        limits = Limits(max_attempts=self.max_attempts, timeout_s=self.timeout_s)
        said = SaidDestination(mode=self.mode, params=self.params, limits=limits)
        said.check(self.prompt, idempotency_key)
        destination = said.to_destination()
        return EnqueueDeliveryCommand(
            prompt=self.prompt,
            mode=destination.mode,
            params=destination.params,
            max_attempts=destination.max_attempts,
            timeout_s=destination.timeout_s,
            idempotency_key=idempotency_key,
        )


class AcceptedDelivery(Struct, frozen=True):
    """A delivery that was accepted, now or when the same request came before."""

    delivery_id: UUID
    status: Status


class ErrorResource(Struct, frozen=True):
    """Why an attempt did not succeed."""

    code: Annotated[str, Meta(description="One word for programs", examples=["refused"])]
    message: Annotated[str, Meta(description="The cause, and what to do")]
    retryable: Annotated[bool, Meta(description="Whether trying again, as it is, may succeed")]

    @classmethod
    def of(cls, error: DeliveryError | None) -> "ErrorResource | None":
        """The error as clients see it."""
        return None if error is None else cls(error.code, error.message, error.retryable)


class AttemptResource(Struct, frozen=True):
    """One try."""

    number: int
    started_at: f.Moment
    finished_at: f.Moment | None
    worker: str
    outcome: Annotated[Outcome | None, Meta(description="null while it runs")]
    error: ErrorResource | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """The attempt as clients see it."""
        return cls(
            number=attempt.number,
            started_at=f.moment(attempt.started_at),
            finished_at=f.moment_or_none(attempt.finished_at),
            worker=attempt.worker,
            outcome=attempt.outcome,
            error=ErrorResource.of(attempt.error),
        )


class DeliveryProgress(Struct, frozen=True):
    """How far the latest attempt is."""

    fraction: Annotated[float | None, Meta(description="0..1; null where the runtime does not say")]
    detail: Annotated[str | None, Meta(examples=["step 7 of 20"])]

    @classmethod
    def of(cls, progress: Progress) -> Self:
        """The progress as clients see it."""
        return cls(progress.fraction, progress.detail)


class DeliveryResource(Struct, frozen=True, kw_only=True):
    """A prompt on its way to a target."""

    id: UUID
    prompt: str
    mode: Mode
    params: Annotated[dict[str, Any], Meta(description="As accepted; what is secret in them is masked")]
    status: Status
    attempts: tuple[AttemptResource, ...]
    result: Annotated[dict[str, Any] | None, Meta(description="What the target gave back")]
    error: Annotated[ErrorResource | None, Meta(description="Why the last attempt did not succeed")]
    progress: DeliveryProgress
    created_at: f.Moment
    started_at: f.Moment | None
    finished_at: f.Moment | None
    next_attempt_at: Annotated[f.Moment | None, Meta(description="When it may be tried; null unless it waits")]
    max_attempts: int
    timeout_s: float

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The delivery as clients see it."""
        return cls(
            id=delivery.id,
            prompt=delivery.prompt,
            mode=delivery.mode,
            params=dict(masked(delivery.mode, delivery.params)),
            status=delivery.status,
            attempts=tuple(map(AttemptResource.of, delivery.attempts)),
            result=None if delivery.result is None else dict(delivery.result),
            error=ErrorResource.of(delivery.error),
            progress=DeliveryProgress.of(delivery.progress),
            created_at=f.moment(delivery.created_at),
            started_at=f.moment_or_none(delivery.started_at),
            finished_at=f.moment_or_none(delivery.finished_at),
            next_attempt_at=f.moment_or_none(delivery.next_attempt_at),
            max_attempts=delivery.max_attempts,
            timeout_s=delivery.timeout_s,
        )


class DeliveryAnswer(Struct, frozen=True):
    """One delivery."""

    delivery: DeliveryResource

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """The delivery as clients see it."""
        return cls(DeliveryResource.of(delivery))


class DeliveryQuery(Input, frozen=True, kw_only=True):
    """Which deliveries to list."""

    status: Annotated[tuple[Status, ...], Meta(description="Repeat it: any of them")] = ()
    mode: Annotated[tuple[Mode, ...], Meta(description="Repeat it: any of them")] = ()
    limit: Annotated[
        int, Meta(description="Size of the page", extra_json_schema={"minimum": 1, "maximum": MAX_LIMIT})
    ] = 100
    cursor: Annotated[str, Meta(description="The `next_cursor` of the page before")] | UnsetType = UNSET

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        convert(sound, cls).to_selection()

    def to_selection(self) -> DeliverySelection:
        """The query as the application knows it.

        :raises InvalidFields: naming every parameter out of range
        """
        problems = []
        before = None if self.cursor is UNSET else _id_in(self.cursor)
        if self.cursor is not UNSET and before is None:
            problems.append(InvalidField("cursor", "is not a next_cursor that this service gave"))
        if not 1 <= self.limit <= MAX_LIMIT:
            problems.append(InvalidField("limit", f"must be from 1 to {MAX_LIMIT}"))
        if problems:
            raise InvalidFields(problems)
        return DeliverySelection(
            statuses=frozenset(self.status), modes=frozenset(self.mode), limit=self.limit, before=before
        )


class DeliveryPage(Struct, frozen=True):
    """One page of a listing, the latest first."""

    items: tuple[DeliveryResource, ...]
    next_cursor: Annotated[str | None, Meta(description="null on the last page")]

    @classmethod
    def of(cls, deliveries: Sequence[Delivery], *, is_last: bool) -> Self:
        """The page as clients see it."""
        items = tuple(map(DeliveryResource.of, deliveries))
        return cls(items, None if is_last else _cursor(deliveries[-1].id))


def _cursor(delivery_id: UUID) -> str:
    """The place behind a delivery, opaque to clients: URL-safe, no padding."""
    return base64.urlsafe_b64encode(delivery_id.bytes).decode().rstrip("=")


def _id_in(cursor: str) -> UUID | None:
    """The id in a cursor; None for what is no cursor of ours."""
    try:
        found = UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        return None
    return found if found.version == _UUID_VERSION and _cursor(found) == cursor else None
