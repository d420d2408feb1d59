"""HTTP/1.1 that a client cannot use to fill the memory or to hold connections."""

import asyncio
import logging
from asyncio.events import TimerHandle
from enum import Enum, auto
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.protocol import MAX_HEAD_BYTES
from lora_manager.http.refusal import Refused

_PUNCTUATION = 4  # bytes of a header besides its name and value: a colon, a blank and the end of its line
_logger = logging.getLogger(__name__)


class _Stage(Enum):
    """What comes next of a request."""

    BEGIN = auto()
    HEAD = auto()
    BODY = auto()


_BEGIN, _HEAD, _BODY = _Stage  # to look one up in its class takes five times as long, five times for each request


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection of uvicorn's, bounded in size and time; for a service that upgrades to nothing (``ws="none"``).

    What is too large or malformed is answered with a problem document. Who is too slow is cut off. uvicorn itself
    closes a connection on which no further request begins.

    What is read at once (up to 256 KiB) is parsed at once. It is counted where it does not belong to a body or to a
    whole request; and where more is read at once than a head may have, the head is measured.
    """

    head_bytes: ClassVar[int] = MAX_HEAD_BYTES  # also of trailers, and of all else between two pieces of a body
    target_bytes: ClassVar[int] = 16 * 2**10
    most_headers: ClassVar[int] = 200
    head_s: ClassVar[float] = 20.0  # for the first byte of the first head, and from the first to the last one of each
    body_s: ClassVar[float] = 30.0  # between two pieces of a body

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._stage = _BEGIN
        self._counted = 0  # bytes since the last one of a body or a whole request
        self._deadline = 0.0
        self._timer: TimerHandle | None = None  # goes off at the deadline or before

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._give(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        before = self._stage
        self._counted += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # the request has been taken as if it had not asked for that
        except httptools.HttpParserError as error:
            self._refuse(error)
            return
        if self._stage is not _BEGIN or not self._is_answering():
            self._watch(before)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._stage = _HEAD

    def on_headers_complete(self) -> None:
        if (
            self._counted > self.head_bytes
            or len(self.url) > self.target_bytes
            or len(self.headers) > self.most_headers
            or self.parser.should_upgrade()
        ):
            self._inspect_head()
        super().on_headers_complete()
        self.headers = []  # trailers go here: the application must not take them for headers
        self._stage = _BODY
        self._counted = 0
        if self._timer is not None:
            self._stop_timer()

    def on_body(self, body: bytes) -> None:
        self._counted = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._stage = _BEGIN
        self._counted = 0
        if self._timer is not None:
            self._stop_timer()

    def _inspect_head(self) -> None:
        if len(self.url) > self.target_bytes:
            raise self._target_too_long()
        if len(self.headers) > self.most_headers:
            raise Refused(ProblemKind.HEAD_TOO_LARGE, f"there are more than {self.most_headers} headers")
        if self._measured() > self.head_bytes:
            raise self._head_too_large()
        if self.parser.should_upgrade() and self._announces_body():
            # The parser skips the body then, and would take it for the next request.
            raise Refused(ProblemKind.BAD_REQUEST, "a request with a body cannot ask for an upgrade here")

    def _announces_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
            for name, value in self.headers
        )

    def _measured(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + _PUNCTUATION for name, value in self.headers)

    def _target_too_long(self) -> Refused:
        return Refused(ProblemKind.TARGET_TOO_LONG, f"the address is longer than {self.target_bytes} bytes")

    def _head_too_large(self) -> Refused:
        return Refused(ProblemKind.HEAD_TOO_LARGE, f"address and headers are longer than {self.head_bytes} bytes")

    def _refuse(self, error: Exception) -> None:
        """Answer, where that can still be told from other answers, and close."""
        refused = error if isinstance(error, Refused) else error.__context__
        if not isinstance(refused, Refused):
            refused = Refused(ProblemKind.BAD_REQUEST, "what was sent is malformed, or ends in more than one place")
        _logger.info("request %s is refused: %s", refused.request_id, refused)
        if self._stage is not _BODY and self._is_answering():
            # The requests before it are answered first; then uvicorn closes.
            self.cycle.keep_alive = False
            self.transport.pause_reading()
            return
        if self._stage is not _BODY or not (self.pipeline or self.cycle.response_started):
            self.transport.write(refused.answer(self.server_state.default_headers))
        if self._stage is _BODY:
            self.cycle.disconnected = True  # what else the application has to say is not sent
        self.transport.close()

    def _is_answering(self) -> bool:
        """Whether a request that has come is still to be answered, or one whose body is coming."""
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # it may be

    def _watch(self, before: _Stage) -> None:
        """What was read ended inside a request, or between two."""
        if self._counted > self.head_bytes:
            is_in_target = self._stage is _HEAD and len(self.url) > self.target_bytes
            self._refuse(self._target_too_long() if is_in_target else self._head_too_large())
        elif self._stage is _BODY:
            self._give(self.body_s)
        elif before is not self._stage or self._timer is None:
            self._give(self.head_s)

    def _give(self, seconds: float) -> None:
        """Close the connection unless there is progress within these seconds. This costs no timer with every read."""
        self._deadline = self.loop.time() + seconds
        if self._timer is None:
            self._timer = self.loop.call_later(seconds, self._check)

    def _check(self) -> None:
        self._timer = None
        now = self.loop.time()
        if self._is_held_up():
            # It may be let go on at any moment until this looks again, and is to have its whole time from then on.
            seconds = self.body_s if self._stage is _BODY else self.head_s
            self._deadline = now + 2 * seconds
            self._timer = self.loop.call_later(seconds, self._check)
        elif now < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._check)
        elif not self.transport.is_closing():
            self.transport.close()

    def _is_held_up(self) -> bool:
        """Whether nothing comes because this side does not let it, or is busy."""
        if self.flow.read_paused:
            return True
        return self.cycle.waiting_for_100_continue if self._stage is _BODY else self._is_answering()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
