"""Metrics for Prometheus to fetch from a process that serves nothing else."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any, ClassVar

from lora_manager.domain.errors import InvalidInput, Unavailable
from lora_manager.ports.metrics import FigureCatalog, Figures, Metrics

PATH = "/metrics"
PATIENCE_S = 5.0  # for the figures, of the 10 that Prometheus has by default
_CLIENT_PATIENCE_S = 10.0  # for a client that does not say what it wants
_POLL_S = 0.05  # how soon it notices that it is to stop

_logger = logging.getLogger(__name__)


class CannotServeMetrics(InvalidInput):
    """The address is taken, or none of this machine's."""

    def __init__(self, host: str, listen_port: int, reason: str) -> None:
        self.host = host
        self.listen_port = listen_port
        super().__init__(
            f"cannot serve metrics on {host} port {listen_port}: {reason}; choose another host or port for them"
        )


@asynccontextmanager
async def serving_metrics(metrics: Metrics, figures: FigureCatalog, host: str, listen_port: int) -> AsyncIterator[int]:
    """Serve ``/metrics`` for as long as the block lasts, in threads, so that a busy event loop does not hold it up.

    :param listen_port: 0..65535; 0 takes a free one
    :return: the port that it listens on
    :raises CannotServeMetrics: it is taken, or the host is none of this machine's
    """
    loop = asyncio.get_running_loop()

    def expose() -> bytes:
        return metrics.exposition(_ask(figures, loop))

    try:
        server = _server_on(host, listen_port, expose, metrics.media_type)
    except OSError as error:
        raise CannotServeMetrics(host, listen_port, error.strerror or str(error)) from error
    thread = Thread(target=server.serve_forever, args=(_POLL_S,), name="metrics", daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


def _ask(catalog: FigureCatalog, loop: asyncio.AbstractEventLoop) -> Figures | None:
    """The figures, from a thread; None where the store does not answer in time."""
    asked = asyncio.run_coroutine_threadsafe(catalog.figures(), loop)
    try:
        return asked.result(PATIENCE_S)
    except (Unavailable, TimeoutError, CancelledError):
        asked.cancel()
        return None


class _Server(ThreadingMixIn, TCPServer):
    """Answers each request in a thread of its own, none of which keeps the process alive.

    ``ThreadingHTTPServer`` is this, and asks the DNS for the name of its address besides, which may take seconds.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere it would share a port that is in use

    def handle_error(self, request: Any, client_address: Any) -> None:
        _logger.warning("metrics were not sent", exc_info=True)  # noqa: LOG014  # called while the error is handled


def _server_on(host: str, listen_port: int, expose: Callable[[], bytes], media_type: str) -> _Server:
    class Handler(BaseHTTPRequestHandler):
        timeout: ClassVar[float | None] = _CLIENT_PATIENCE_S
        server_version, sys_version = "lora-manager", ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self.send_error(HTTPStatus.NOT_FOUND, explain=f"there is nothing but {PATH} here")
                return
            body = expose()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
            """Nothing: requests are not logged."""

    class Server(_Server):
        address_family: int = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server((host, listen_port), Handler)
