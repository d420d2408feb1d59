"""One connection that speaks HTTP/1.1: h11 knows the protocol, the event loop carries the bytes."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import h11

# Node.js and uvicorn close a connection that was idle for five seconds; one that is closed while a request is on its
# way costs an attempt.
_KEEP_ALIVE_S = 4.0
_MAX_HEAD = 64 * 1024  # bytes of the status line and the headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    :param headers: by their names in lower case
    :param truncated: whether the body went on
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


class Connection(asyncio.Protocol):
    """Takes one request after another.

    :param carrier: the socket that it goes over
    """

    def __init__(self, carrier: socket.socket) -> None:
        self._carrier = carrier
        self._loop = asyncio.get_running_loop()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._answer: asyncio.Future[Answer] | None = None
        self._head: h11.Response | None = None
        self._body = bytearray()
        self._max_bytes = 0
        self._expires_at = 0.0
        self._is_good = True
        self._transport: asyncio.Transport

    @property
    def is_good(self) -> bool:
        """Whether another request can be sent."""
        return self._is_good and self._answer is None and self._loop.time() < self._expires_at

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last answer, not even the news that the server has closed it."""
        try:
            self._carrier.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    async def exchange(self, request: h11.Request, content: bytes, max_bytes: int) -> Answer:
        """Send a request and read the answer; cancelled, the connection is of no use any more.

        :param max_bytes: of the answer's body; where it is longer, the connection is closed
        :raises ConnectionError: it was lost, or closed before the answer was complete
        :raises h11.RemoteProtocolError: the answer is no HTTP
        """
        if not self._is_good:
            raise ConnectionResetError("it was closed")
        self._answer = self._loop.create_future()
        self._head, self._body, self._max_bytes = None, bytearray(), max_bytes
        pieces = [self._http.send(request), content and self._http.send(h11.Data(content))]
        pieces.append(self._http.send(h11.EndOfMessage()))
        self._transport.write(b"".join(piece for piece in pieces if piece))
        answer = await self._answer
        self._answer = None
        self._expires_at = self._loop.time() + _KEEP_ALIVE_S
        return answer

    def close(self) -> None:
        """Close it at once, whatever is on its way."""
        self._is_good = False
        self._transport.abort()  # close() would wait for a peer to take what it was sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by their class

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        self._http.receive_data(data)
        self._take_in()

    def eof_received(self) -> None:
        self._is_good = False
        if self._answer is not None and self._head is not None:
            self._http.receive_data(b"")  # a body without a length ends here
            self._take_in()

    def connection_lost(self, error: Exception | None) -> None:
        self._is_good = False
        closed = (
            "it was closed without an answer" if self._head is None else "it was closed in the middle of the answer"
        )
        self._fail(ConnectionResetError(str(error) if error else closed))

    def _take_in(self) -> None:
        """Go through what has come; the answer is complete at the end of the message, or when it is too long."""
        try:
            while True:
                match self._http.next_event():
                    case h11.InformationalResponse():
                        pass
                    case h11.Response() as head:
                        self._head = head
                    case h11.Data(data=data):
                        self._body += data
                        if len(self._body) > self._max_bytes:
                            self.close()
                            self._succeed(truncated=True)
                            return
                    case h11.EndOfMessage():
                        self._end_cycle()
                        self._succeed(truncated=False)
                        return
                    case _:
                        return  # more has to come first
        except h11.RemoteProtocolError as error:
            self.close()
            self._fail(error)

    def _end_cycle(self) -> None:
        if self._http.our_state is self._http.their_state is h11.DONE and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
        else:
            self.close()

    def _succeed(self, *, truncated: bool) -> None:
        if self._answer is not None and self._head is not None and not self._answer.done():
            names = {name.decode("ascii"): value.decode("latin-1") for name, value in self._head.headers}
            body = bytes(self._body[: self._max_bytes])
            self._answer.set_result(Answer(self._head.status_code, names, body, truncated))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
