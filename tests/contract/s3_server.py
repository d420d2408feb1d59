"""An S3 server of our own: moto's, on loopback, in a thread."""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, ClassVar
from uuid import uuid4
from weakref import WeakSet

import boto3  # type: ignore[import-untyped]  # ships no types
from flask import Flask
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import ThreadedWSGIServer

HOST = "127.0.0.1"


class S3Server:
    """A server on loopback that takes every key; it can be stopped and started again, and keeps what it held."""

    region: ClassVar = "us-east-1"
    access_key_id: ClassVar = "AKIDEXAMPLE"
    secret_access_key: ClassVar = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

    def __init__(self) -> None:
        with socket.create_server((HOST, 0)) as free:
            self._port: int = free.getsockname()[1]
        self._app = create_backend_app("s3")
        self._running: tuple[_Server, Thread] | None = None
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )
        """One without any of our code, to look behind it."""

    @property
    def url(self) -> str:
        """The S3_ENDPOINT."""
        return f"http://{HOST}:{self._port}"

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a process that is to use it, but for a bucket."""
        return {
            "S3_ENDPOINT": self.url,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def make_bucket(self, name: str | None = None) -> str:
        """The name of a new bucket, one that was never there unless it is given."""
        name = name or f"bucket-{uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        return name

    def fill(self, bucket: str, keys: Iterable[str]) -> None:
        """Put empty objects, many times as fast as over the wire."""
        backend = get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"]
        for key in keys:
            backend.put_object(bucket, key, b"")

    def keys(self, bucket: str) -> list[str]:
        """Everything in a bucket."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def content(self, bucket: str, key: str) -> bytes:
        """The bytes of one object."""
        content: bytes = self.client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return content

    def open_uploads(self, bucket: str) -> list[str]:
        """The keys of multipart uploads that were neither completed nor aborted."""
        return [upload["Key"] for upload in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]

    def start(self) -> None:
        """Start it; it answers from then on."""
        server = _Server(self._port, self._app)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="S3 server")
        thread.start()
        self._running = server, thread

    def stop(self) -> None:
        """Stop it, and cut every connection."""
        if self._running is not None:
            server, thread = self._running
            server.shutdown()
            thread.join()
            server.server_close()
            server.cut()
            self._running = None

    def reset(self) -> None:
        """Forget every bucket, of every server in this process."""
        for backends in get_backend("s3").values():
            for backend in backends.values():
                backend.reset()

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        self.client.close()


class _Server(ThreadedWSGIServer):
    """Knows its connections: a client that keeps one would not see that the server stopped."""

    def __init__(self, port: int, app: Flask) -> None:
        self._connections: WeakSet[socket.socket] = WeakSet()
        super().__init__(HOST, port, app, handler=_Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def cut(self) -> None:
        for connection in list(self._connections):
            with suppress(OSError):  # its client was faster
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(MotoRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # the name it has there
        """Not a line for every request."""


@contextmanager
def s3_server_running() -> Iterator[S3Server]:
    """A running server for as long as the block lasts."""
    server = S3Server()
    server.start()
    try:
        yield server
    finally:
        server.close()
