"""A service on a port of this machine, in a thread of the test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn

from lora_manager.app.application import Application
from lora_manager.http.app import create_app


@contextmanager
def listening(application: AbstractAsyncContextManager[Application]) -> Iterator[int]:
    """A service over this application, and the port that it answers on."""
    server = uvicorn.Server(uvicorn.Config(create_app(application), lifespan="on", log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
