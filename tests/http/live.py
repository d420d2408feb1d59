"""A service on a port of this machine, in a thread of the test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn

from lora_manager.app.application import Application
from lora_manager.http.app import create_app
from lora_manager.http.protocol import protocol_class


@contextmanager
def listening(application: AbstractAsyncContextManager[Application]) -> Iterator[int]:
    """A service over this application, and the port that it answers on."""
    app = create_app(application)
    with serving(uvicorn.Config(app, http=protocol_class(), lifespan="on", log_level="critical")) as port:
        yield port


@contextmanager
def serving(config: uvicorn.Config) -> Iterator[int]:
    """A server, and the port that it answers on."""
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
