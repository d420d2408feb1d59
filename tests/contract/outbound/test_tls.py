import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.adapters.outbound.connection import Answer
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.outbound.raw_server import listening, saying

# A key and a certificate for gpu.test that vouches for itself; both serve no purpose outside these tests.
CERTIFICATE = Path(__file__).with_name("gpu.test.pem")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def loopback(*_: object) -> Sequence[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def serving_tls() -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    async with listening(saying(OK), context) as port:
        yield port


async def get(host: str) -> Answer:
    """What a server with the certificate answers to a request for this host."""
    client = OutboundClient(AllowedHosts.parse("*.test, loopback"), loopback)
    async with serving_tls() as port:
        try:
            return await client.request("GET", f"https://{host}:{port}/", timeout_s=10, max_bytes=100)
        finally:
            await client.aclose()


@pytest.fixture
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("_trusted")
async def test_a_certificate_is_checked_by_the_name_and_not_the_address() -> None:
    assert (await get("gpu.test")).body == b"ok"


@pytest.mark.usefixtures("_trusted")
def test_tls_works_on_the_loop_of_the_service() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(get("gpu.test")).body == b"ok"


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("host", ["other.test", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_refused(host: str) -> None:
    with pytest.raises(DispatchFailed, match="certificate verify failed") as caught:
        await get(host)

    assert (caught.value.error.code, caught.value.error.retryable) == ("unreachable", True)


async def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with pytest.raises(DispatchFailed, match="certificate verify failed"):
        await get("gpu.test")


async def test_a_server_that_speaks_no_tls_is_unreachable() -> None:
    client = OutboundClient(AllowedHosts.parse())
    async with listening(_speak_plainly) as port:
        with pytest.raises(DispatchFailed) as caught:
            await client.request("GET", f"https://127.0.0.1:{port}/", timeout_s=10, max_bytes=100)

    assert caught.value.error.code == "unreachable"


async def _speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(OK)
    await writer.drain()
    await reader.read()
