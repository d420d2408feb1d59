"""Requests as bytes, sent to a small application behind the server's protocol."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal

import uvicorn

from lora_manager.http.envelope import SAFE_HEADERS

PATIENCE_S = 30.0  # how long a test waits for what has to come
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Loop = Literal["asyncio", "uvloop"]
LOOPS: tuple[Loop, ...] = ("asyncio", "uvloop")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was asked; at /early before it has read the body."""
    body, is_more = b"", scope["path"] != "/early"
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        is_more = message["more_body"]
    headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    answer = json.dumps({"path": scope["path"], "headers": headers, "body": body.decode()}).encode()
    length = b"%d" % len(answer)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": answer})


def config(protocol: type[asyncio.Protocol], loop: Loop) -> uvicorn.Config:
    """The settings of a server of that application."""
    return uvicorn.Config(
        echo, http=protocol, ws="none", loop=loop, lifespan="off", log_config=None, access_log=False, date_header=False
    )


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """A connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    came = b""
    with suppress(ConnectionResetError):  # it may close without having read all
        while piece := connection.recv(2**16):
            came += piece
    return came


def ask(port: int, request: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """What a request is answered with on a connection that is closed afterwards: status, headers, body."""
    with connected(port) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may be answered before it is whole
            connection.sendall(request)
        return parsed(until_closed(connection))


def parsed(answer: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Status, headers and body of the only answer in these bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["content-length"]) == len(body)
    return int(first.split()[1]), headers, json.loads(body)


def refused(port: int, request: bytes) -> tuple[int, str]:
    """The status and the code of the problem that a request is answered with before its connection is closed."""
    status, headers, problem = ask(port, request)
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-request-id"] == problem["request_id"]
    assert headers.items() >= {name.decode(): value.decode() for name, value in SAFE_HEADERS}.items()
    assert status == problem["status"]
    return status, problem["type"].removeprefix("/problems/")


def get(target: str = "/", *headers: str) -> bytes:
    """A request after which the connection is closed."""
    lines = [f"GET {target} HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def padded(size: int) -> bytes:
    """A request whose head has so many bytes."""
    bare = get("/", "X-Padding: ")
    return get("/", "X-Padding: " + "x" * (size - len(bare)))
