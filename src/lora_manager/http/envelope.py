"""What every request and every answer is wrapped in: ids, headers, measurement."""

import re
from time import perf_counter
from typing import Any

from lora_manager.http.request_id import chosen_id
from lora_manager.ports.metrics import Metrics, NoMetrics
from lora_manager.ports.trail import REQUEST_ID, TRACEPARENT, begin, end

SAFE_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"private, no-cache"),
)
"""What every answer carries, unless it has a header of that name already."""

CLIENT_GONE = 499  # for measurement alone: the client went away before it was answered. Source: nginx
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # Source: W3C Trace Context, 3.2


class Envelope:
    """Wraps an ASGI application.

    :param metrics: what is told of every answer
    """

    def __init__(self, app: Any, metrics: Metrics = NoMetrics()) -> None:  # noqa: B008  # it keeps nothing
        self._app = app
        self.metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        is_answered = False
        headers = scope["state"]["headers"] = dict(scope["headers"])
        known_as = scope["state"]["request_id"] = chosen_id(headers)
        ids = {REQUEST_ID: known_as}
        if (parent := headers.get(b"traceparent")) is not None and _TRACEPARENT.fullmatch(parent):
            ids[TRACEPARENT] = parent.decode()

        async def send_wrapped(message: Any) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                self._measure(scope, message["status"], began)
                given = message["headers"]
                names = dict(given)
                safe = [header for header in SAFE_HEADERS if header[0] not in names]
                message["headers"] = [*given, *safe, (b"x-request-id", known_as.encode())]
            await send(message)

        beginning = begin(ids)
        try:
            await self._app(scope, receive, send_wrapped)
        finally:
            end(beginning)
            if not is_answered:
                self._measure(scope, CLIENT_GONE, began)

    def _measure(self, scope: Any, status: int, began: float) -> None:
        """Until the answer begins: what streams goes on for as long as the client likes."""
        self.metrics.answered(scope["method"], scope.get("path_template", ""), status, perf_counter() - began)
