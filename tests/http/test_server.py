"""The server process: its port, its end, and an address that is taken."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from lora_manager.app.deliveries.worker import Worker
from lora_manager.container import open_application
from lora_manager.domain.delivery import Delivery
from lora_manager.domain.errors import Unavailable
from lora_manager.http.server import CannotListen, serve
from lora_manager.settings import Settings, load_settings
from tests.standins.http_server import serving

PROGRAM = """
import sys
from lora_manager.http.server import serve
from lora_manager.settings import load_settings

settings = load_settings({"DATA_DIR": sys.argv[1], "LIBRARY_ROOTS": sys.argv[1]})
serve(settings, "127.0.0.1", 0, on_started=lambda port: print(port, flush=True))
print("closed", flush=True)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"DATA_DIR": str(tmp_path), "LIBRARY_ROOTS": str(tmp_path)})


@contextmanager
def server(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def test_it_tells_the_port_once_it_answers(tmp_path: Path) -> None:
    with server(tmp_path) as (_, url):
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}
        assert httpx.get(f"{url}/health/ready").status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_closes_everything_and_ends_quietly(tmp_path: Path, number: signal.Signals) -> None:
    with server(tmp_path) as (process, url), httpx.Client() as client:
        client.get(f"{url}/health")  # a connection that stays open
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "closed\n", "")


def test_an_answer_does_not_tell_what_serves_it(tmp_path: Path) -> None:
    with server(tmp_path) as (_, url):
        assert "server" not in httpx.get(f"{url}/health").headers


def test_malformed_http_is_answered_without_a_fault(tmp_path: Path) -> None:
    with server(tmp_path) as (process, url):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(b"GET / HTTP/9.9\r\n\x00\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
        assert httpx.get(f"{url}/health").status_code == 200
        process.terminate()
        assert "Traceback" not in process.communicate(timeout=30)[1]


def test_a_client_that_goes_away_while_it_sends_is_no_fault(tmp_path: Path) -> None:
    with server(tmp_path) as (process, url):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            head = b"POST /compose HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
            connection.sendall(head + b'{"prefix": ')
        assert httpx.get(f"{url}/health").status_code == 200
        process.terminate()
        assert process.communicate(timeout=30)[1] == ""


def test_a_port_that_is_taken_is_told_in_one_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"^cannot listen on 127\.0\.0\.1 port {port}: Address already in use"):
            serve(settings, "127.0.0.1", port, on_started=_never)
    assert not (Path(settings.data_dir) / "db.sqlite").exists()


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 0), ("no host at all", 0)])
def test_an_address_that_is_none_is_told_in_one_line(settings: Settings, host: str, port: int) -> None:
    with pytest.raises(CannotListen, match=f"^cannot listen on {host} port {port}: "):
        serve(settings, host, port, on_started=_never)


def test_what_keeps_the_application_from_opening_comes_out_as_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    settings = load_settings({"DATABASE_URL": f"postgresql://nobody:secret@127.0.0.1:{port}/nothing"})
    with pytest.raises(Unavailable) as caught:
        serve(settings, "127.0.0.1", 0, on_started=_never)
    assert "secret" not in str(caught.value)


def test_when_nobody_can_be_told_that_it_started_it_ends(settings: Settings) -> None:
    with pytest.raises(AssertionError):
        serve(settings, "127.0.0.1", 0, on_started=_never)


async def test_what_is_being_sent_when_it_is_told_to_stop_is_sent_and_recorded(
    tmp_path: Path, settings: Settings
) -> None:
    received, release = asyncio.Event(), asyncio.Event()

    async def hold(*_: object) -> tuple[int, dict[str, str], bytes]:
        received.set()
        await release.wait()
        return 200, {}, b""

    async with serving(hold) as target:
        with server(tmp_path) as (process, url):
            body = {"prompt": "x", "mode": "http", "params": {"host": "127.0.0.1", "port": target.port}}
            accepted = await asyncio.to_thread(httpx.post, f"{url}/deliveries", json=body)
            async with asyncio.timeout(30):
                await received.wait()
            process.send_signal(signal.SIGTERM)
            release.set()
            out, err = await asyncio.to_thread(process.communicate, timeout=30)
        assert (process.returncode, out, err) == (0, "closed\n", "")
    delivery = await _stored(settings, accepted.json()["delivery_id"])
    assert (delivery.status, len(delivery.attempts)) == ("succeeded", 1)


@pytest.mark.parametrize("is_early", [True, False], ids=["at once", "later"])
def test_without_its_worker_it_does_not_serve_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, *, is_early: bool
) -> None:
    started = asyncio.Event()

    async def break_down(*_: object) -> None:
        if not is_early:
            await started.wait()
        raise RuntimeError("the worker broke down")

    monkeypatch.setattr(Worker, "run", break_down)
    with pytest.raises(RuntimeError, match="the worker broke down"):
        serve(settings, "127.0.0.1", 0, on_started=lambda _: started.set())
    assert started.is_set() is not is_early


def test_with_a_queue_the_workers_are_processes_of_their_own(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: object) -> None:
        raise RuntimeError("there is a worker here")

    monkeypatch.setattr(Worker, "run", break_down)
    elsewhere = replace(settings, queue_url="redis://127.0.0.1:1/0")
    with pytest.raises(AssertionError):
        serve(elsewhere, "127.0.0.1", 0, on_started=_never)


async def _stored(settings: Settings, delivery_id: str) -> Delivery:
    async with open_application(settings) as application:
        return await application.deliveries.get(UUID(delivery_id))


def _never(port: int) -> None:
    raise AssertionError(port)
