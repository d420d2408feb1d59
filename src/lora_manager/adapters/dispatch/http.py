"""Delivering to any server that takes a POST of JSON."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

import msgspec

from lora_manager.adapters.outbound.answers import PASSING, retry_after
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import Delivery, DispatchFailed, HttpTarget, Result, parse_target
from lora_manager.ports.dispatcher import Dispatcher, Report

MAX_ANSWER = 64 * 1024  # bytes of an answer that are kept
_MAX_DEPTH = 64  # of JSON that is kept as JSON: whoever reads it later may bear less than we do
_MAX_SAID = 300  # characters of an answer that a message repeats


class HttpDispatcher(Dispatcher):
    """Posts ``{"prompt", "metadata"}``; what the server makes of it is its own affair."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client

    async def dispatch(self, delivery: Delivery, report: Report) -> Result:
        target = cast("HttpTarget", parse_target(delivery.mode, delivery.params))
        answer = await self._client.request(
            "POST",
            target.url,
            headers={
                **{name: value.strip() for name, value in target.headers.items()},
                "Content-Type": "application/json",
                "Idempotency-Key": str(delivery.id),
                "X-Delivery-Attempt": str(delivery.fence),
            },
            content=msgspec.json.encode(_body(delivery)),
            timeout_s=delivery.timeout_s,
            max_bytes=MAX_ANSWER,
            cut_off=True,
        )
        if not 200 <= answer.status < 300:  # noqa: PLR2004  # RFC 9110 section 15.3
            raise _refused(target, answer, datetime.now(UTC))
        return {"status": answer.status, "body": _content(answer), "truncated": answer.truncated}


def _body(delivery: Delivery) -> dict[str, object]:
    return {
        "prompt": delivery.prompt,
        "metadata": {
            "delivery_id": delivery.id,
            "created_at": delivery.created_at,
            "tokens": delivery.content.tokens,
            "adapters": [
                {
                    "id": lora.id,
                    "name": lora.name,
                    "version": lora.version,
                    "weight": lora.weight,
                    "te_weight": lora.te_weight,
                    "sha256": lora.sha256,
                }
                for lora in delivery.content.loras
            ],
        },
    }


def _content(answer: Answer) -> object:
    """The body as JSON where it is JSON, else as text."""
    if not answer.truncated and "json" in answer.headers.get("content-type", ""):
        # One that says it is JSON and is not, is kept as the text that it is.
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            content: object = msgspec.json.decode(answer.body)
            if _is_shallow(content, _MAX_DEPTH):
                return content
    return answer.body.decode("utf-8", "replace")


def _is_shallow(value: object, levels: int) -> bool:
    if isinstance(value, dict | list):
        below = value.values() if isinstance(value, dict) else value
        return levels > 0 and all(_is_shallow(each, levels - 1) for each in below)
    return True


def _refused(target: HttpTarget, answer: Answer, now: datetime) -> DispatchFailed:
    where = f"{target.scheme}://{target.host}:{target.port}"
    said = " ".join(answer.body.decode("utf-8", "replace").split())
    said = f": {said[:_MAX_SAID]}" if said else " and said nothing"
    retryable = answer.status in PASSING or answer.status >= 500  # noqa: PLR2004  # RFC 9110 section 15.6
    if 300 <= answer.status < 400:  # noqa: PLR2004  # RFC 9110 section 15.4
        said = f" to {answer.headers.get('location', 'nowhere')[:_MAX_SAID]!r}; redirects are not followed"
    return DispatchFailed(
        "refused",
        f"{where} answered {answer.status}{said}",
        retryable=retryable,
        retry_after=retry_after(answer.headers.get("retry-after", ""), now) if retryable else None,
        result={"status": answer.status, "body": _content(answer), "truncated": answer.truncated},
    )
