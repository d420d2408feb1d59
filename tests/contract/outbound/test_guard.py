import asyncio
import socket
from collections.abc import Sequence

import pytest

from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.standins.http_server import LoopbackServer, Reply, serving


class Names:
    """Answers for names as a test tells it to, each time with the next answer; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def greet(*_: object) -> Reply:
    return 200, {"Connection": "close"}, b"hello"


async def get(server: LoopbackServer, host: str, allowed: str, names: Names) -> bytes:
    client = OutboundClient(AllowedHosts.parse(allowed), names)
    try:
        answer = await client.request("GET", f"http://{host}:{server.port}/", timeout_s=10, max_bytes=100)
    finally:
        await client.aclose()
    return answer.body


async def failure(server: LoopbackServer, host: str, allowed: str, names: Names) -> DispatchFailed:
    with pytest.raises(DispatchFailed) as caught:
        await get(server, host, allowed, names)
    return caught.value


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "[::]",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.64.0.1",
        "10.0.0.1",
        "metadata.internal",
    ],
)
async def test_no_spelling_of_a_host_that_is_not_allowed_reaches_it(host: str) -> None:
    async with serving(greet) as server:
        failed = await failure(server, host, "gpu.test", Names(["127.0.0.1"]))

    assert (failed.error.code, failed.error.retryable) == ("target_forbidden", False)
    assert f"add {host.strip('[]')} to DELIVERY_ALLOWED_HOSTS" in failed.error.message
    assert server.connections == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "::", "64:ff9b::1"])
async def test_an_allowed_name_that_leads_to_a_forbidden_address_is_refused(address: str) -> None:
    async with serving(greet) as server:
        failed = await failure(server, "gpu.test", "gpu.test", Names([address]))

    assert failed.error.code == "target_forbidden"
    assert f"gpu.test resolves to {address}" in failed.error.message
    assert server.connections == 0


async def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_connected_to() -> None:
    names = Names(["127.0.0.1"], ["192.0.2.1"])
    async with serving(greet) as server:
        body = await get(server, "gpu.test", "gpu.test, loopback", names)

    assert body == b"hello"
    assert names.asked == ["gpu.test"]
    assert server.requests[0].headers["host"] == f"gpu.test:{server.port}"


async def test_a_name_that_leads_elsewhere_later_is_checked_again() -> None:
    async with serving(greet) as server:
        client = OutboundClient(AllowedHosts.parse("gpu.test, 127.0.0.1"), Names(["127.0.0.1"], ["127.0.0.2"]))
        url = f"http://gpu.test:{server.port}/"
        await client.request("GET", url, timeout_s=10, max_bytes=100)
        with pytest.raises(DispatchFailed, match="target_forbidden"):
            await client.request("GET", url, timeout_s=10, max_bytes=100)
        await client.aclose()

    assert server.connections == 1


async def test_of_several_addresses_only_the_permitted_ones_are_tried() -> None:
    async with serving(greet) as server:
        with socket.create_server(("127.0.0.2", server.port)) as forbidden:
            forbidden.setblocking(False)
            body = await get(server, "gpu.test", "gpu.test, 127.0.0.1", Names(["127.0.0.2", "127.0.0.1"]))
            with pytest.raises(BlockingIOError):
                forbidden.accept()

    assert body == b"hello"


async def test_where_one_address_refuses_the_next_is_tried() -> None:
    async with serving(greet) as server:
        body = await get(server, "gpu.test", "gpu.test, loopback", Names(["127.0.0.2", "127.0.0.1"]))

    assert body == b"hello"


async def test_a_name_without_an_address_is_unreachable() -> None:
    async with serving(greet) as server:
        failed = await failure(server, "gpu.test", "gpu.test", Names([]))

    assert (failed.error.code, failed.error.retryable) == ("unreachable", True)


async def test_a_name_that_cannot_be_resolved_is_unreachable() -> None:
    async def fail(*_: object) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = OutboundClient(AllowedHosts.parse("gpu.test"), fail)
    with pytest.raises(DispatchFailed, match=r"gpu\.test cannot be resolved \(Name or service not known\)") as caught:
        await client.request("GET", "http://gpu.test/", timeout_s=10, max_bytes=100)

    assert (caught.value.error.code, caught.value.error.retryable) == ("unreachable", True)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
async def test_a_name_that_can_be_none_is_unreachable(host: str) -> None:
    client = OutboundClient(AllowedHosts.parse("192.0.2.0/24"))

    with pytest.raises(DispatchFailed, match="cannot be resolved"):
        await client.request("GET", f"http://{host}/", timeout_s=10, max_bytes=100)


async def test_the_systems_resolver_finds_this_machine() -> None:
    async with serving(greet) as server:
        client = OutboundClient(AllowedHosts.parse())
        answer = await client.request("GET", f"http://localhost:{server.port}/", timeout_s=10, max_bytes=100)
        await client.aclose()

    assert answer.body == b"hello"


async def test_a_socket_is_connected_to_what_is_permitted() -> None:
    async with serving(greet) as server:
        client = OutboundClient(AllowedHosts.parse())
        with await client.open_socket("localhost", server.port, timeout_s=10) as connected:
            assert connected.getpeername() == ("127.0.0.1", server.port)
            assert connected.gettimeout() == 0


async def test_no_socket_is_connected_to_what_is_not() -> None:
    client = OutboundClient(AllowedHosts.parse("gpu.test"), Names(["127.0.0.1"]))

    with pytest.raises(DispatchFailed, match="target_forbidden"):
        await client.open_socket("gpu.test", 80, timeout_s=10)


async def test_a_resolver_that_does_not_answer_is_a_timeout() -> None:
    async def hang(*_: object) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError

    client = OutboundClient(AllowedHosts.parse("gpu.test"), hang)

    with pytest.raises(DispatchFailed, match="timeout"):
        await client.open_socket("gpu.test", 80, timeout_s=0.01)
    with pytest.raises(DispatchFailed, match="timeout"):
        await client.request("GET", "http://gpu.test", timeout_s=0.01, max_bytes=1)
