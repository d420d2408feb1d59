"""The bounds of HTTP itself: how long a connection may wait for a request, and a request for its parts."""

from collections.abc import Iterator

import pytest

from lora_manager.http.bounded_protocol import BoundedHttpProtocol
from tests.http.live import serving
from tests.http.raw import CHUNKED, LOOPS, POST, Receive, Scope, Send, config, connected, until_closed
from tests.http.wire import Connection


class Hasty(BoundedHttpProtocol):
    head_s = 0.05
    body_s = 0.05


@pytest.fixture(params=LOOPS, scope="module")
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    with serving(config(Hasty, request.param)) as port:
        yield port


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n", id="an empty line"),
        pytest.param(b"GET", id="a method"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", id="some headers"),
        pytest.param(POST + b"Content-Length: 3\r\n\r\n", id="no body"),
        pytest.param(POST + b"Content-Length: 3\r\n\r\nab", id="some of the body"),
        pytest.param(CHUNKED + b"3\r\nabc\r\n", id="a chunk"),
        pytest.param(CHUNKED + b"3\r\nabc\r\n0\r\na: ", id="some trailers"),
    ],
)
def test_who_stops_in_the_middle_is_cut_off(port: int, begun: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(begun)
        assert until_closed(connection) == b""


def test_who_stops_in_a_body_that_was_answered_already_is_cut_off(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200")
        connection.sendall(b"b")  # which ends uvicorn's own waiting
        until_closed(connection)


async def test_a_fresh_connection_has_20_s_and_its_first_head_20_more() -> None:
    connection = Connection()
    connection.time.pass_by(19.9)
    for piece in (b"GET /", b"x", b"x", b"x"):
        connection.protocol.data_received(piece)
        connection.time.pass_by(4.9)
    assert not connection.wire.is_closed
    connection.time.pass_by(0.5)
    assert connection.wire.is_closed


async def test_a_later_head_has_20_s_as_well() -> None:
    connection = Connection()
    connection.protocol.data_received(b"GET / HTTP/1.1\r\n\r\n")
    await connection.read()
    assert connection.wire.written
    connection.protocol.data_received(b"GET / HTTP/1.1\r\n")
    connection.time.pass_by(19.9)
    assert not connection.wire.is_closed
    connection.time.pass_by(0.2)
    assert connection.wire.is_closed


async def test_empty_lines_between_requests_do_not_keep_a_connection() -> None:
    connection = Connection()
    connection.protocol.data_received(b"GET / HTTP/1.1\r\n\r\n")
    await connection.read()
    for _ in range(7):
        connection.protocol.data_received(b"\r\n")
        connection.time.pass_by(3)
    assert connection.wire.is_closed


async def test_a_body_may_take_as_long_as_it_likes_if_it_goes_on() -> None:
    connection = Connection()
    connection.protocol.data_received(POST + b"Content-Length: 100\r\n\r\n")
    await connection.read()
    for _ in range(99):
        connection.time.pass_by(29.9)
        connection.protocol.data_received(b"x")
        await connection.read()
    assert not connection.wire.is_closed
    connection.time.pass_by(30.1)
    assert connection.wire.is_closed


async def test_who_is_not_read_from_has_the_whole_time_afterwards() -> None:
    connection = Connection()
    connection.protocol.data_received(POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 70_000)
    was_paused = connection.wire.is_paused
    connection.time.pass_by(1_000)
    assert not connection.wire.is_closed
    await connection.read()
    assert (was_paused, connection.wire.is_paused) == (True, False)
    connection.time.pass_by(29.9)
    assert not connection.wire.is_closed
    connection.time.pass_by(30.2)
    assert connection.wire.is_closed


async def test_who_waits_to_be_told_to_continue_is_not_to_blame() -> None:
    connection = Connection()
    connection.protocol.data_received(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    connection.time.pass_by(1_000)
    assert not connection.wire.is_closed
    await connection.read()
    assert connection.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.time.pass_by(60.1)
    assert connection.wire.is_closed


async def test_an_answer_is_not_cut_off_for_what_comes_after_its_request() -> None:
    connection = Connection()
    connection.protocol.data_received(b"GET / HTTP/1.1\r\n\r\nGET /")
    connection.time.pass_by(1_000)
    assert not connection.wire.is_closed
    await connection.read()
    assert connection.wire.written.startswith(b"HTTP/1.1 200")


async def test_a_request_that_came_whole_leaves_no_timer_behind() -> None:
    connection = Connection()
    connection.protocol.data_received(POST + b"Content-Length: 3\r\n\r\na")
    connection.protocol.data_received(b"bc")
    assert connection.time.timers == 0


async def test_a_connection_that_is_lost_leaves_no_timer_behind() -> None:
    connection = Connection()
    connection.protocol.connection_lost(None)
    assert connection.time.timers == 0


async def test_a_body_that_goes_wrong_after_the_answer_began_ends_the_connection_without_another_one() -> None:
    async def begin(_: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await receive()
        await receive()

    connection = Connection(begin)
    connection.protocol.data_received(CHUNKED + b"1\r\na\r\n")
    await connection.read()
    connection.protocol.data_received(b"wrong")
    assert connection.wire.is_closed
    assert connection.wire.written.count(b"HTTP/1.1") == 1
    connection.protocol.connection_lost(None)
    await connection.read()
