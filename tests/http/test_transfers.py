"""Files over real connections: answers that come before the body has, and clients that go away."""

import http.client
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.app.files.open_file import OpenedFile
from lora_manager.app.files.upload_file import Upload, UploadFile
from lora_manager.domain.blob import Span
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Library
from tests.http.live import listening
from tests.http.service import NOBODY, application_with
from tests.library import lora_bytes

INK = lora_bytes("ink")
NOT_A_LORA = bytes(5_000_000)
WITHIN_S = 30


class EndlessFile:
    """A file of a terabyte, and whether it is still open."""

    def __init__(self) -> None:
        self.is_closed = threading.Event()

    async def __call__(self, _: UUID) -> OpenedFile:
        return OpenedFile(cast("Library", self), FoundFile("/ink.safetensors", 10**12, 0), "1")

    async def read(self, _path: str, _span: Span) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            self.is_closed.set()


class Uploads:
    """Takes in files, and tells when it is done with one."""

    def __init__(self, folder: Path) -> None:
        self.is_done = threading.Event()
        self._folder = folder
        self._upload_file = UploadFile(LocalBlobStore(str(folder)))

    async def __call__(self, filename: str, content: AsyncIterable[bytes], size_bytes: int) -> Upload:
        try:
            return await self._upload_file(filename, content, size_bytes)
        finally:
            self.is_done.set()

    @property
    def files(self) -> list[str]:
        """Every file there that holds anything."""
        return [path.name for path in self._folder.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.fixture
def endless() -> EndlessFile:
    return EndlessFile()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path)


@pytest.fixture
def listen_port(endless: EndlessFile, uploads: Uploads) -> Iterator[int]:
    """The port of a service that has these and nothing else."""
    with listening(nullcontext(application_with(open_file=endless, upload_file=uploads))) as port:
        yield port


@contextmanager
def connected(listen_port: int) -> Iterator[http.client.HTTPConnection]:
    """One connection: a request on it fails where the service has closed it."""
    connection = http.client.HTTPConnection("127.0.0.1", listen_port, timeout=WITHIN_S)
    connection.connect()
    connection.auto_open = 0
    try:
        yield connection
    finally:
        connection.close()


def post(connection: http.client.HTTPConnection, body: bytes | Iterator[bytes], **headers: str) -> int:
    """Send an upload and read the answer whole; the status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/uploads?filename=ink.sft", body, named, encode_chunked="Transfer-Encoding" in named)
    return status(connection)


def status(connection: http.client.HTTPConnection) -> int:
    answer = connection.getresponse()
    answer.read()
    return answer.status


def still_answers(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/health")
    return status(connection) == 200


def head(length: int, *more: str) -> bytes:
    lines = ["POST /uploads?filename=ink.sft HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_file_is_taken_in_and_the_connection_goes_on(listen_port: int, uploads: Uploads) -> None:
    with connected(listen_port) as connection:
        assert post(connection, INK) == 201
        assert still_answers(connection)
    assert uploads.files == ["ink.sft"]


def test_what_is_refused_by_its_first_bytes_leaves_the_connection_as_it_was(listen_port: int, uploads: Uploads) -> None:
    with connected(listen_port) as connection:
        assert post(connection, NOT_A_LORA) == 400
        assert still_answers(connection)
        assert post(connection, INK) == 201
    assert uploads.files == ["ink.sft"]


def test_a_client_is_answered_while_it_still_has_most_of_the_file_to_send(listen_port: int) -> None:
    with connected(listen_port) as connection:
        connection.sock.sendall(head(len(NOT_A_LORA)) + NOT_A_LORA[:1_000])
        reader = connection.sock.makefile("rb")
        assert reader.readline().startswith(b"HTTP/1.1 400")
        length = 0
        while line := reader.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        reader.read(length)
        connection.sock.sendall(NOT_A_LORA[1_000:])
        assert still_answers(connection)


def test_a_body_of_unknown_length_is_refused_and_the_connection_goes_on(listen_port: int, uploads: Uploads) -> None:
    chunks = (NOT_A_LORA[:100_000] for _ in range(30))
    with connected(listen_port) as connection:
        assert post(connection, chunks, Transfer_Encoding="chunked") == 411
        assert still_answers(connection)
    assert uploads.files == []


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(listen_port: int, uploads: Uploads) -> None:
    with connected(listen_port) as connection:
        connection.sock.sendall(head(len(INK), "Expect: 100-continue"))
        reader = connection.sock.makefile("rb")
        assert reader.readline().startswith(b"HTTP/1.1 100")
        reader.readline()
        connection.sock.sendall(INK)
        assert reader.readline().startswith(b"HTTP/1.1 201")
    assert uploads.files == ["ink.sft"]


@pytest.mark.parametrize("sent", [0, 4, 200, len(INK) - 1])
def test_a_client_that_breaks_off_leaves_nothing(listen_port: int, uploads: Uploads, sent: int) -> None:
    with socket.create_connection(("127.0.0.1", listen_port)) as connection:
        connection.sendall(head(len(INK)) + INK[:sent])
    assert uploads.is_done.wait(WITHIN_S)
    assert uploads.files == []


def test_a_client_that_goes_away_closes_the_file(listen_port: int, endless: EndlessFile) -> None:
    with connected(listen_port) as connection:
        connection.request("GET", f"/adapters/{NOBODY}/file")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("content-length")) == (200, str(10**12))
        assert len(answer.read(1_000_000)) == 1_000_000
        answer.close()
    assert endless.is_closed.wait(WITHIN_S)


def test_head_leaves_the_connection_as_it_was(listen_port: int, endless: EndlessFile) -> None:
    with connected(listen_port) as connection:
        connection.request("HEAD", f"/adapters/{NOBODY}/file")
        assert status(connection) == 200
        assert still_answers(connection)
    assert not endless.is_closed.is_set()  # it was never opened
