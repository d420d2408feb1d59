"""Who calls the outside: which modules can at all, and that nobody is led anywhere else than was configured."""

import ast
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

import lora_manager
from lora_manager.app.all_loras import chosen_loras
from lora_manager.app.files.open_file import Elsewhere
from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.app.loras.revise_lora import ReviseLoraCommand
from lora_manager.container import open_application
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.lora import LoraChanges
from lora_manager.settings import load_settings
from tests.contract.civitai_world import World, a_file, ask, open_world
from tests.contract.stores import NewUrl
from tests.library import write_lora
from tests.standins.civitai import a_version, page
from tests.standins.http_server import LoopbackServer, Reply, serving

ROOT = Path(lora_manager.__file__).parent

# What can open a connection, by how a module would name it; and what for which each module may.
CAN_CALL = frozenset({
    "aiobotocore", "aiohttp", "aioboto3", "asyncpg", "botocore", "boto3", "ftplib", "h11", "http.client", "httpcore",
    "httpx", "imaplib", "nntplib", "opentelemetry.exporter", "poplib", "psycopg", "redis", "requests", "saq", "smtplib",
    "socket", "socketserver", "ssl", "telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc",
})  # fmt: skip
CALLS = frozenset({
    "create_connection", "create_datagram_endpoint", "create_unix_connection", "getaddrinfo", "gethostbyname",
    "open_connection", "open_unix_connection", "sock_connect", "sock_sendto", "start_tls", "urlopen",
})  # fmt: skip
MAY_CALL = {
    "adapters/blobs/s3": "the bucket that the operator names",
    "adapters/database": "the database that the operator names",
    "adapters/dispatch/comfyui_following.py": "a socket that adapters.outbound has connected",
    "adapters/limits/redis.py": "the store of rate limits that the operator names",
    "adapters/observability/metrics_server.py": "nobody: it listens",
    "adapters/observability/opentelemetry.py": "the collector of traces that the operator names",
    "adapters/outbound": "what the allow-list permits",
    "adapters/queues/saq.py": "the broker that the operator names",
    "adapters/system/worker_name.py": "nobody: the name of this machine",
    "http/server.py": "nobody: it listens",
}
"""The modules, or what their paths begin with, and whom they call."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def ways_out(module: ast.Module) -> Iterator[str]:
    """How it could open a connection."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                imported = [alias.name for alias in names]
            case ast.ImportFrom(module=str(source), names=names):
                imported = [source, *(f"{source}.{alias.name}" for alias in names)]
            case ast.Attribute(attr=name) if name in CALLS:
                imported = []
                yield name
            case _:
                continue
        yield from (name for name in imported if any(name == way or name.startswith(f"{way}.") for way in CAN_CALL))


def test_only_the_modules_that_are_named_here_can_open_a_connection() -> None:
    found = {path: sorted(set(ways_out(module))) for path, module in modules()}
    strays = {path: ways for path, ways in found.items() if ways and not path.startswith(tuple(MAY_CALL))}
    assert strays == {}


@pytest.mark.parametrize("named", MAY_CALL)
def test_each_module_that_may_call_does_so(named: str) -> None:
    assert any(list(ways_out(module)) for path, module in modules() if path.startswith(named))


@pytest.mark.parametrize(
    "code",
    [
        "import socket", "import urllib.request as r", "from urllib import request", "from http import client",
        "import httpx", "loop.create_connection(None)", "asyncio.open_connection('a', 1)",
        "from aiohttp.web import Request",
    ],
)  # fmt: skip
def test_a_way_out_is_recognised(code: str) -> None:
    assert list(ways_out(ast.parse(code)))


async def refuse(*_: object) -> Reply:
    return 200, {"Content-Type": "text/html"}, b"nobody should have come here"


@pytest.fixture
async def trap() -> AsyncIterator[LoopbackServer]:
    """A server of this machine that nobody has any business with."""
    async with serving(refuse) as server:
        yield server


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", ["civitai", "posting"])
async def test_a_registry_that_redirects_is_not_followed(
    world: World, trap: LoopbackServer, kind: str, status: int
) -> None:
    world.site.every_reply = page(status, Location=f"{trap.url}/api")
    validator = world.civitai("a-key") if kind == "civitai" else world.posting("a-key")
    with pytest.raises(Unavailable, match="which is not followed"):
        await ask(validator, a_file("a"))
    assert trap.connections == 0


@pytest.mark.parametrize("kind", ["civitai", "posting"])
async def test_no_address_in_an_answer_is_called(world: World, trap: LoopbackServer, kind: str) -> None:
    version = a_version("a" * 64, downloadUrl=f"{trap.url}/file")
    version["images"][0]["url"] = f"{trap.url}/original=true/picture.png"
    version["files"][0]["downloadUrl"] = f"{trap.url}/file"
    world.site.publish(version)
    [verdict] = await ask(world.civitai() if kind == "civitai" else world.posting(), a_file("a"))
    assert verdict.validation.state.value == "valid"
    assert trap.connections == 0


async def test_the_client_of_a_registry_reaches_no_other_host(world: World, trap: LoopbackServer) -> None:
    for host in ("127.0.0.2", "[::1]", "10.0.0.1", "169.254.169.254"):
        url = trap.url.replace("127.0.0.1", host)
        with pytest.raises(DispatchFailed, match="target_forbidden"):
            await world.client.request("GET", url, timeout_s=10, max_bytes=100)
    assert trap.connections == 0


async def test_no_preview_url_is_ever_called(
    new_url: NewUrl, tmp_path: Path, world: World, trap: LoopbackServer
) -> None:
    """Whoever sets it, it is handed on to who asks for the preview."""
    url = f"{trap.url}/picture.png"
    path = write_lora(tmp_path / "library" / "ink.safetensors", "ink")
    sidecar = {"id": 1, "images": [{"url": url}], "downloadUrl": url, "files": [{"downloadUrl": url}]}
    path.with_suffix(".civitai.info").write_text(json.dumps(sidecar))
    environ = {
        "DATABASE_URL": new_url("sqlite"),
        "LIBRARY_ROOTS": str(path.parent),
        "DATA_DIR": str(tmp_path),
        "CIVITAI_BASE_URL": world.site.url,
    }
    async with open_application(load_settings(environ)) as application:
        await application.scan_library(ScanLibraryCommand(paths=(str(path.parent),), sidecars=True))
        [lora] = await chosen_loras(application.catalog, ())
        assert lora.sha256 is not None
        version = a_version(lora.sha256)
        version["images"][0]["url"] = f"{trap.url}/original=true/picture.png"
        world.site.publish(version)
        for changes in ({}, {"preview_url": f"{trap.url}/set-by-hand.png"}):
            await application.revise_lora(ReviseLoraCommand(lora_id=lora.id, changes=cast("LoraChanges", changes)))
            told = await application.validate_lora(lora.id)
            assert told.preview_url is not None
            assert await application.open_preview(lora.id) == Elsewhere(told.preview_url)
            assert told.preview_url.startswith(trap.url)
            await application.show_metadata(lora.id)
    assert world.site.requests
    assert trap.connections == 0
