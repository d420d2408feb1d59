"""A way to an S3 server on which things go wrong when a test wants them to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Request:
    """The head of a request that came this way."""

    method: str
    target: str
    headers: dict[str, str]


Chooses = Callable[[Request], bool]


def everything(_: Request) -> bool:
    return True


def method(*methods: str) -> Chooses:
    """Chooses requests with one of these methods."""
    return lambda request: request.method in methods


@dataclass
class Fault:
    """What happens to some of the requests.

    :param times: to how many of them; then they pass
    :param answer: a whole answer in the server's place
    :param is_carried_out: whether the server gets the request nevertheless
    :param cut_after: so many bytes of the server's answer pass, head included, before the connection breaks
    :param hold: the request goes on when this is set
    """

    chooses: Chooses
    times: int
    answer: bytes | None = None
    is_carried_out: bool = False
    cut_after: int | None = None
    hold: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class S3Faults:
    """A proxy on loopback in front of a server; one request for each connection."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.port is not None
        self._behind = (address.hostname, address.port)
        self._faults: list[Fault] = []
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.overlooked: frozenset[str] = frozenset()
        """Headers, in lower case, that the server does not get to see."""
        self.requests: list[Request] = []
        """Everything that was asked, in the order in which it came."""

    @property
    def url(self) -> str:
        """The S3_ENDPOINT."""
        return f"http://{HOST}:{self._port}"

    def fail(
        self, status: int, code: str, *, chooses: Chooses = everything, times: int = 1, lost: bool = False
    ) -> None:
        """Answer with an error of S3's.

        :param lost: the server did what it was asked, and its own answer got lost
        """
        body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        head = f"HTTP/1.1 {status} No\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        answer = f"{head}Connection: close\r\n\r\n{body}".encode()
        self._faults.append(Fault(chooses, times, answer=answer, is_carried_out=lost))

    def cut(self, after: int, *, chooses: Chooses = everything, times: int = 1) -> None:
        """Break the connection after so many bytes of the answer."""
        self._faults.append(Fault(chooses, times, cut_after=after))

    def hold(self, *, chooses: Chooses = everything, times: int = 1) -> Fault:
        """Keep requests until ``hold`` is set; ``reached`` is set by the first."""
        fault = Fault(chooses, times, hold=asyncio.Event())
        self._faults.append(fault)
        return fault

    async def start(self) -> None:
        """Let connections in."""
        self._server = await asyncio.start_server(self._serve, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse connections until it is started again, and cut those that are there."""
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):  # either side may leave when it likes
                await self._pass(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        request = _request_of(head)
        self.requests.append(request)
        if "expect" in request.headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(request.headers.get("content-length", "0")))
        fault = next((fault for fault in self._faults if fault.times and fault.chooses(request)), None)
        if fault is not None:
            fault.times -= 1
            fault.reached.set()
            if fault.hold is not None:
                await fault.hold.wait()
        answer = b""
        if fault is None or fault.answer is None or fault.is_carried_out:
            answer = await self._carry_out(request, body)
        if fault is not None and fault.answer is not None:
            answer = fault.answer
            if request.method == "HEAD":
                answer = answer[: answer.index(b"\r\n\r\n") + 4]
        if fault is not None and fault.cut_after is not None:
            writer.write(answer[: fault.cut_after])
            await writer.drain()
            return
        writer.write(answer)
        await writer.drain()

    async def _carry_out(self, request: Request, body: bytes) -> bytes:
        """What the server says to it, which then closes the connection."""
        headers = {**request.headers, "connection": "close"}
        for name in ("expect", *self.overlooked):
            headers.pop(name, None)
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        message = f"{request.method} {request.target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + body
        reader, writer = await asyncio.open_connection(*self._behind)
        try:
            writer.write(message)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


def _request_of(head: bytes) -> Request:
    line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    verb, target, _ = line.split(" ")
    pairs = (field.split(":", 1) for field in fields)
    return Request(verb, target, {name.lower(): value.strip() for name, value in pairs})


@asynccontextmanager
async def s3_faults(url: str) -> AsyncIterator[S3Faults]:
    """The proxy for as long as the block lasts; without a fault everything passes."""
    faults = S3Faults(url)
    await faults.start()
    try:
        yield faults
    finally:
        await faults.refuse()
