"""The bounds of HTTP itself: what is too large, malformed, or to be read in two ways."""

import logging
from collections.abc import Iterator

import pytest
import uvicorn

from lora_manager.http.bounded_protocol import BoundedHttpProtocol
from lora_manager.http.protocol import protocol_class
from tests.http.live import serving
from tests.http.raw import (
    CHUNKED,
    LOOPS,
    POST,
    ask,
    config,
    connected,
    echo,
    get,
    padded,
    parsed,
    refused,
    until_closed,
)
from tests.http.wire import Connection


@pytest.fixture(params=LOOPS, scope="module")
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(config(BoundedHttpProtocol, request.param)) as port:
        yield port


def test_the_server_is_given_the_bounded_one() -> None:
    loaded = uvicorn.Config(echo, http=protocol_class())
    loaded.load()
    assert loaded.http_protocol_class is BoundedHttpProtocol


def test_where_httptools_is_missing_it_is_given_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lora_manager.http.protocol.find_spec", lambda _: None)
    assert protocol_class() == "h11"


def test_a_head_may_have_64_kib(port: int) -> None:
    assert ask(port, padded(60 * 2**10))[0] == 200
    assert refused(port, padded(65 * 2**10)) == (431, "head-too-large")


def test_a_head_that_comes_in_pieces_is_counted_as_a_whole(port: int) -> None:
    request = padded(65 * 2**10)
    with connected(port) as connection:
        for start in range(0, len(request), 9_999):
            connection.sendall(request[start : start + 9_999])
        assert parsed(until_closed(connection))[0] == 431


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: " + b"x" * 300_000, id="value"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"x" * 300_000, id="name"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 60_000, id="headers"),
        pytest.param(b"\r\n" * 200_000, id="empty lines"),
    ],
)
def test_a_head_without_end_is_refused(port: int, endless: bytes) -> None:
    assert refused(port, endless) == (431, "head-too-large")


def test_an_address_may_have_16_kib(port: int) -> None:
    status, _, seen = ask(port, get("/" + "x" * (16 * 2**10 - 1)))
    assert (status, len(seen["path"])) == (200, 16 * 2**10)
    assert refused(port, get("/" + "x" * 16 * 2**10)) == (414, "target-too-long")
    assert refused(port, get("/?" + "x" * 16 * 2**10)) == (414, "target-too-long")


def test_an_address_without_end_is_refused(port: int) -> None:
    assert refused(port, b"GET /" + b"x" * 300_000) == (414, "target-too-long")


def test_there_may_be_200_headers(port: int) -> None:
    few, many = (get("/", *["a: b"] * (count - 2)) for count in (200, 201))
    assert ask(port, few)[0] == 200
    assert refused(port, many) == (431, "head-too-large")


def test_a_body_does_not_count_as_head_even_where_it_comes_with_it(port: int) -> None:
    body = b"x" * 3_000_000
    status, _, seen = ask(port, POST + b"Connection: close\r\nContent-Length: 3000000\r\n\r\n" + body)
    assert (status, len(seen["body"])) == (200, 3_000_000)


def test_requests_that_come_at_once_are_not_counted_together(port: int) -> None:
    many = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 5_000
    with connected(port) as connection:
        connection.sendall(many + get("/last"))
        assert until_closed(connection).count(b"HTTP/1.1 200 OK") == 5_001


@pytest.mark.parametrize("endless", [b"a: b\r\n" * 60_000, b"a: " + b"b" * 300_000], ids=["many", "long"])
def test_trailers_without_end_cut_the_request_off(port: int, endless: bytes) -> None:
    assert refused(port, CHUNKED + b"3\r\nabc\r\n0\r\n" + endless) == (431, "head-too-large")


def test_trailers_are_not_taken_for_headers(port: int) -> None:
    trailers = b"0\r\nX-API-Key: stolen\r\nHost: elsewhere\r\n\r\n"
    request = POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" + trailers
    _, _, seen = ask(port, request)
    assert seen["body"] == "abc"
    assert seen["headers"] == [["host", "x"], ["connection", "close"], ["transfer-encoding", "chunked"]]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        b"Content-Length: 3\r\nContent-Length: 4",
        b"Content-Length: 3\r\nContent-Length: 3",
        b"Content-Length: 3, 3",
        b"Content-Length: +3",
        b"Content-Length : 3",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: identity",
        b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3",
        b"Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked",
    ],
    ids=repr,
)
def test_a_request_of_which_two_readers_might_see_two_ends_is_refused(port: int, head: bytes) -> None:
    assert refused(port, POST + head + b"\r\n\r\n0\r\n\r\n") == (400, "bad-request")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/9.9\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\na: b\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    ],
    ids=repr,
)
def test_what_is_malformed_is_refused_with_a_problem(port: int, request_: bytes) -> None:
    assert refused(port, request_) == (400, "bad-request")


def test_the_log_knows_what_was_refused(port: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lora_manager")
    _, headers, problem = ask(port, b"\x00")
    (message,) = caplog.messages
    assert headers["x-request-id"] in message
    assert problem["detail"] in message


def test_who_asks_for_an_upgrade_is_answered_as_if_not(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /one HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert connection.recv(1) == b"H"  # it is being answered
        connection.sendall(get("/two"))
        answers = until_closed(connection)
    assert answers.count(b" 200 OK") == 2
    assert b'"path": "/two"' in answers


def test_what_was_asked_before_a_malformed_request_is_answered_and_nothing_else(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\n\x00")
        answers = until_closed(connection)
    assert answers.count(b"HTTP/1.1 200") == answers.count(b"HTTP/1.1 ") == 2
    assert answers.count(b"connection: close") == 1


async def test_after_a_malformed_request_nothing_more_is_read() -> None:
    connection = Connection()
    connection.protocol.data_received(b"GET / HTTP/1.1\r\n\r\n\x00")
    assert connection.wire.is_paused


async def test_a_request_that_was_refused_is_not_answered_a_second_time() -> None:
    connection = Connection()
    connection.protocol.data_received(CHUNKED.replace(b" / ", b" /early ") + b"wrong")
    await connection.read()
    assert connection.wire.written.startswith(b"HTTP/1.1 400")
    assert connection.wire.written.count(b"HTTP/1.1") == 1


async def test_trailers_are_not_counted_together_with_the_head_that_follows() -> None:
    connection = Connection()
    for piece in (CHUNKED + b"1\r\na\r\n", b"0\r\na: " + b"a" * 40_000 + b"\r\n\r\n"):
        connection.protocol.data_received(piece)
    await connection.read()
    connection.protocol.data_received(padded(40_000)[:-1])
    assert not connection.wire.is_closed
