"""Metrics of a process that serves nothing else."""

import asyncio
import logging
import socket
import urllib.error
import urllib.request

import pytest

from lora_manager.adapters.observability import metrics_server
from lora_manager.adapters.observability.metrics_server import CannotServeMetrics, serving_metrics
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.metrics import FigureCatalog, Figures, Metrics

PATIENCE_S = 60
FIGURES = Figures(
    adapters=9, active=4, pending=3, retrying=2, running=1, waiting_s=12.5, outbox=5, outbox_age_s=7.25
)  # fmt: skip


class Counted(FigureCatalog):
    """Answers with the same figures, or not at all."""

    def __init__(self, error: Exception | None = None, *, is_silent: bool = False) -> None:
        self.error = error
        self.is_silent = is_silent

    async def figures(self) -> Figures:
        if self.error is not None:
            raise self.error
        if self.is_silent:
            await asyncio.Event().wait()
        return FIGURES


class Written(Metrics):
    """Writes down what it was given."""

    @property
    def media_type(self) -> str:
        return "text/figures"

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Not what is tested here."""

    def exposition(self, figures: Figures | None) -> bytes:
        return repr(figures).encode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures have to come at once."""
    monkeypatch.setattr(metrics_server, "PATIENCE_S", 0.01)


async def fetched(port: int, path: str = "/metrics", host: str = "127.0.0.1") -> tuple[int, str]:
    def fetch() -> tuple[int, str]:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=PATIENCE_S) as response:
            assert response.headers["content-type"] == "text/figures"
            return response.status, response.read().decode()

    return await asyncio.to_thread(fetch)


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name[]=adapters_count"])
async def test_the_figures_are_asked_for_whenever_the_metrics_are(path: str) -> None:
    async with serving_metrics(Written(), Counted(), "127.0.0.1", 0) as port:
        assert await fetched(port, path) == (200, repr(FIGURES))


async def test_a_store_that_does_not_answer_holds_up_no_metrics() -> None:
    async with serving_metrics(Written(), Counted(Unavailable("away")), "127.0.0.1", 0) as port:
        assert await fetched(port) == (200, "None")


@pytest.mark.usefixtures("soon")
async def test_a_store_that_does_not_answer_in_time_holds_up_no_metrics() -> None:
    async with serving_metrics(Written(), Counted(is_silent=True), "127.0.0.1", 0) as port:
        assert await fetched(port) == (200, "None")


async def test_a_fault_is_logged_and_the_next_request_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    catalog = Counted(RuntimeError("broken"))
    async with serving_metrics(Written(), catalog, "127.0.0.1", 0) as port:
        with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="Remote end closed"):
            await fetched(port)
        catalog.error = None
        assert await fetched(port) == (200, repr(FIGURES))
    assert "metrics were not sent" in caplog.text
    assert "broken" in caplog.text


async def test_there_is_nothing_else() -> None:
    async with serving_metrics(Written(), Counted(), "127.0.0.1", 0) as port:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            await fetched(port, "/")


async def test_after_the_block_nobody_listens_any_more() -> None:
    async with serving_metrics(Written(), Counted(), "127.0.0.1", 0) as port:
        pass
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
        pass


async def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(CannotServeMetrics, match=f"port {taken}: .*; choose another"):
            await serving_metrics(Written(), Counted(), "127.0.0.1", taken).__aenter__()


async def test_an_address_of_another_machine_is_named() -> None:
    with pytest.raises(CannotServeMetrics, match=r"on 203\.0\.113\.1 port"):  # reserved for documentation: RFC 5737
        await serving_metrics(Written(), Counted(), "203.0.113.1", 0).__aenter__()
