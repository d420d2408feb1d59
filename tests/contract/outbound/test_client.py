import asyncio
import socket
from collections.abc import AsyncIterator, Mapping

import pytest

from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.outbound.raw_server import listening, saying
from tests.standins.http_server import Drop, Reply, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(AllowedHosts.parse())
    yield client
    await client.aclose()


async def echo(method: str, path: str, _: Mapping[str, str], body: bytes) -> Reply:
    return 200, {"X-Seen": f"{method} {path}"}, body


async def never(*_: object) -> Reply:
    await asyncio.Event().wait()
    raise AssertionError


async def drop(*_: object) -> Reply:
    raise Drop


async def failure(client: OutboundClient, url: str, *, timeout_s: float = 10, max_bytes: int = 1000) -> DispatchFailed:
    with pytest.raises(DispatchFailed) as caught:
        await client.request("GET", url, timeout_s=timeout_s, max_bytes=max_bytes)
    return caught.value


async def test_a_request_arrives_as_it_was_given_and_its_answer_comes_back(client: OutboundClient) -> None:
    async with serving(echo) as server:
        answer = await client.request(
            "POST", f"{server.url}/a?b=c", headers={"X-One": "1"}, content=b"\x00body", timeout_s=10, max_bytes=100
        )

    assert (answer.status, answer.body, answer.truncated) == (200, b"\x00body", False)
    assert answer.headers["x-seen"] == "POST /a?b=c"
    (request,) = server.requests
    assert request.headers == {
        "x-one": "1",
        "host": f"127.0.0.1:{server.port}",
        "content-length": "5",
        "user-agent": "lora-manager",
    }


async def test_a_connection_is_used_again(client: OutboundClient) -> None:
    async with serving(echo) as server:
        for _ in range(3):
            await client.request("GET", server.url, timeout_s=10, max_bytes=100)

    assert server.connections == 1


async def test_requests_at_the_same_time_have_a_connection_each(client: OutboundClient) -> None:
    together = asyncio.Barrier(5)

    async def meet(_method: str, path: str, *_: object) -> Reply:
        await together.wait()
        return 200, {}, path.encode()

    async with serving(meet) as server:
        answers = await asyncio.gather(
            *(client.request("GET", f"{server.url}/{number}", timeout_s=10, max_bytes=100) for number in range(5))
        )

    assert [answer.body for answer in answers] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
    assert server.connections == 5


async def test_a_connection_that_the_server_closed_is_not_used_again(client: OutboundClient) -> None:
    async with listening(saying(OK)) as port:
        for _ in range(3):
            answer = await client.request("GET", f"http://127.0.0.1:{port}", timeout_s=10, max_bytes=100)
            assert answer.body == b"ok"


async def test_what_a_server_says_unasked_is_no_answer_to_the_next_request(client: OutboundClient) -> None:
    answered = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await answered.wait()
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async with listening(talk) as port, serving(echo) as other:
        for _ in range(2):
            answer = await client.request("GET", f"http://127.0.0.1:{port}", timeout_s=10, max_bytes=100)
            assert answer.status == 200
            answered.set()
            # What was said before this is answered has arrived by then.
            await client.request("GET", other.url, timeout_s=10, max_bytes=100)


async def test_credentials_in_the_url_are_sent_as_basic_authentication(client: OutboundClient) -> None:
    async with serving(echo) as server:
        url = server.url.replace("http://", "http://user:p%40ss@")
        await client.request("GET", url, timeout_s=10, max_bytes=100)

    assert server.requests[0].headers["authorization"] == "Basic dXNlcjpwQHNz"
    assert "pass" not in server.requests[0].headers["host"]


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 302 Found\r\nContent-Length: x\r\n\r\n"]
)
async def test_credentials_are_in_no_message(client: OutboundClient, answer: bytes) -> None:
    async with listening(saying(answer)) as port:
        failed = await failure(client, f"http://user:secret@127.0.0.1:{port}/path?token=secret")

    assert "secret" not in str(failed)
    assert f"127.0.0.1:{port}" in str(failed)


async def test_a_redirect_is_an_answer_like_any_other(client: OutboundClient) -> None:
    async with serving(echo) as elsewhere:

        async def redirect(*_: object) -> Reply:
            return 307, {"Location": elsewhere.url}, b""

        async with serving(redirect) as server:
            answer = await client.request("POST", server.url, timeout_s=10, max_bytes=100)

    assert (answer.status, answer.headers["location"]) == (307, elsewhere.url)
    assert elsewhere.connections == 0


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as proxy, serving(echo) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = OutboundClient(AllowedHosts.parse())
        await client.request("GET", server.url, timeout_s=10, max_bytes=100)
        await client.aclose()

    assert (proxy.connections, server.connections) == (0, 1)


async def test_a_server_that_does_not_answer_in_time_is_a_timeout(client: OutboundClient) -> None:
    async with serving(never) as server:
        failed = await failure(client, server.url, timeout_s=0.05)

    assert (failed.error.code, failed.error.retryable) == ("timeout", True)


async def test_a_server_that_never_stops_answering_is_a_timeout(client: OutboundClient) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with listening(drip) as port:
        failed = await failure(client, f"http://127.0.0.1:{port}", timeout_s=0.1, max_bytes=10**9)

    assert failed.error.code == "timeout"


async def test_a_connection_is_not_used_again_after_a_timeout(client: OutboundClient) -> None:
    async def late(_method: str, path: str, *_: object) -> Reply:
        if path == "/late":
            await asyncio.Event().wait()
        return 200, {}, path.encode()

    async with serving(late) as server:
        await failure(client, f"{server.url}/late", timeout_s=0.05)
        answer = await client.request("GET", f"{server.url}/next", timeout_s=10, max_bytes=100)

    assert answer.body == b"/next"
    assert server.connections == 2


async def test_a_cancelled_request_leaves_no_connection_open(client: OutboundClient) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        try:
            await reader.read()
        finally:
            closed.set()

    async with listening(talk) as port:
        url = f"http://127.0.0.1:{port}"
        request = asyncio.create_task(client.request("GET", url, timeout_s=60, max_bytes=1))
        await arrived.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        await closed.wait()


async def test_an_endless_answer_is_refused_once_it_is_too_large(client: OutboundClient) -> None:
    async with listening(_endless) as port:
        failed = await failure(client, f"http://127.0.0.1:{port}", max_bytes=100_000)

    assert (failed.error.code, failed.error.retryable) == ("too_large", False)
    assert "100000 bytes" in failed.error.message


async def test_an_answer_may_be_cut_off_instead(client: OutboundClient) -> None:
    async with listening(_endless) as port:
        answer = await client.request("GET", f"http://127.0.0.1:{port}", timeout_s=10, max_bytes=100_000, cut_off=True)

    assert (answer.body, answer.truncated) == (b"x" * 100_000, True)


async def test_an_answer_of_just_the_size_allowed_is_whole(client: OutboundClient) -> None:
    async with serving(echo) as server:
        answer = await client.request("POST", server.url, content=b"x" * 10_000, timeout_s=10, max_bytes=10_000)

    assert (answer.body, answer.truncated) == (b"x" * 10_000, False)


async def test_large_bodies_go_both_ways(client: OutboundClient) -> None:
    content = bytes(range(256)) * 40_000
    async with serving(echo) as server:
        answer = await client.request("POST", server.url, content=content, timeout_s=30, max_bytes=len(content))

    assert answer.body == content


async def test_an_answer_in_chunks_is_put_together(client: OutboundClient) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    async with listening(saying(chunked)) as port:
        answer = await client.request("GET", f"http://127.0.0.1:{port}", timeout_s=10, max_bytes=100)

    assert answer.body == b"abc"


async def test_an_answer_before_the_whole_request_was_taken_is_taken(client: OutboundClient) -> None:
    refusal = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    async with listening(saying(refusal)) as port:
        answer = await client.request(
            "POST", f"http://127.0.0.1:{port}", content=b"x" * 1000, timeout_s=10, max_bytes=100
        )

    assert answer.status == 413


async def test_a_connection_that_is_cut_is_worth_another_try(client: OutboundClient) -> None:
    async with serving(drop) as server:
        failed = await failure(client, server.url)

    assert (failed.error.code, failed.error.retryable) == ("unreachable", True)
    assert "closed without an answer" in failed.error.message


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16" * 3,
    ],
)
async def test_an_answer_that_is_no_http_is_worth_another_try(client: OutboundClient, answer: bytes) -> None:
    async with listening(saying(answer)) as port:
        failed = await failure(client, f"http://127.0.0.1:{port}")

    assert (failed.error.code, failed.error.retryable) == ("not_http", True)


async def test_a_port_that_nobody_listens_at_is_unreachable(client: OutboundClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    failed = await failure(client, f"http://127.0.0.1:{port}")

    assert (failed.error.code, failed.error.retryable) == ("unreachable", True)
    assert f"127.0.0.1:{port} cannot be reached (Connection refused)" in failed.error.message


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()
