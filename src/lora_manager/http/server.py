"""The server process."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from types import FrameType

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from lora_manager.app.application import Application
from lora_manager.app.chore import doing
from lora_manager.app.parts import check_parts
from lora_manager.container import open_application
from lora_manager.domain.errors import Failure, InvalidInput
from lora_manager.event_loop import loop_factory
from lora_manager.http.app import create_app
from lora_manager.http.exposure import exposure_of
from lora_manager.http.protocol import MAX_HEAD_BYTES, protocol_class
from lora_manager.settings import Settings

GRACE_S = 10  # what requests in flight may take once the server is told to stop
KEEP_ALIVE_S = 75  # for the next request; longer than clients and proxies wait, so that none comes as it is closed
BACKLOG = 2048  # connections that wait to be accepted; uvicorn's default


class CannotListen(InvalidInput):
    """The address is taken, or none of this machine's."""

    def __init__(self, host: str, listen_port: int, reason: str) -> None:
        self.host = host
        self.listen_port = listen_port
        super().__init__(f"cannot listen on {host} port {listen_port}: {reason}; choose another host or port")


class StoppedAtOnce(Failure):
    """Told to stop again while it waited for what was being sent."""

    def __init__(self) -> None:
        super().__init__(
            "stopped at once; what was being sent is sent again when its lease has run out (WORKER_LEASE_S)"
        )


def serve(
    settings: Settings, host: str, listen_port: int, *, on_started: Callable[[int], None], without_key: bool = False
) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is in flight and close everything.

    Without a queue, the worker for deliveries is at work here, from before the first request until after the last one.

    :param listen_port: 0..65535; 0 takes a free one
    :param on_started: called with the port once requests are answered
    :param without_key: see ``Exposure``
    :raises CannotListen: before anything is opened
    :raises InvalidInput: something that it needs will not answer until a setting is changed
    :raises StoppedAtOnce: told to stop again while it waited for what was being sent
    :raises Failure: what ``open_application`` reports
    """

    async def run() -> None:
        async with open_application(settings, is_measured=True) as application:
            stopping = asyncio.Event()
            config = uvicorn.Config(
                create_app(nullcontext(application), stopping, exposure_of(settings.access, without_key=without_key)),
                http=protocol_class(),
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                lifespan="on",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
            server = _Server(config, stopping, lambda: on_started(listener.getsockname()[1]))
            working = _working(application, server) if settings.queue_url is None else nullcontext()
            await check_parts(application.parts)
            with _taken_by(server):
                async with working, doing(application.chores):
                    await server.serve(sockets=[listener])

    _allow_connections()
    with _listen(host, listen_port) as listener, asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(run())


def _allow_connections() -> None:
    """Have room for as many connections as the system lets a process have: often it gives a thousand unless asked."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  # Windows has none

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS allows less than it says; what there was before stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _listen(host: str, listen_port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, listen_port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(host, listen_port, error.strerror or str(error)) from error
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """A server that tells when it answers and when it stops, and ends by returning.

    :param stopping: set before it waits for the requests in flight
    """

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._on_started = on_started
        self._loop = asyncio.get_running_loop()
        self._at_once = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.should_exit:
            return
        try:
            self._on_started()
        except BaseException:
            await self.shutdown(sockets)
            raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Take no more requests, and return once those in flight are done."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # uvicorn's signature
        """Stop; told so again, do not wait for what is being sent. Requests in flight have their time all the same."""
        if self.should_exit:
            self._loop.call_soon_threadsafe(self._at_once.set)
        self.should_exit = True

    async def wait_for(self, task: asyncio.Task[None]) -> None:
        """Return when the task has ended.

        :raises StoppedAtOnce: told to stop again meanwhile; the task is cancelled
        """
        told = asyncio.create_task(self._at_once.wait())
        await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if task.done():
            await task
            return
        task.cancel()
        await asyncio.wait({task})
        raise StoppedAtOnce

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are taken for longer than the server runs, see :func:`_taken_by`."""
        yield


@contextmanager
def _taken_by(server: _Server) -> Iterator[None]:
    """The signals to stop go to the server. uvicorn would raise them again, which ends the process too early."""
    before = {number: signal.signal(number, server.handle_exit) for number in HANDLED_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@asynccontextmanager
async def _working(application: Application, server: _Server) -> AsyncIterator[None]:
    """The worker at work for as long as the block lasts. If it breaks down the server stops: who would deliver?"""
    async with application.open_worker() as worker:
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        task.add_done_callback(lambda _: server.stop())
        try:
            yield
        finally:
            stop.set()
            await server.wait_for(task)
