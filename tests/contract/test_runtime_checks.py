"""What is found out about the runtimes that deliveries go to."""

import socket
from collections.abc import Sequence

import pytest

from lora_manager.adapters.checks import runtimes
from lora_manager.adapters.checks.runtimes import Runtimes
from lora_manager.domain.delivery import CliTarget, ComfyTarget, HttpTarget, SdnextTarget, Target
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.diagnosis import Diagnosis, Health
from tests.standins import a1111
from tests.standins.comfyui import ComfyStandIn
from tests.standins.comfyui_wire import Reply as ComfyReply
from tests.standins.http_server import Drop, Reply, serving

# Source: ComfyUI 0.3.64, GET /system_stats, shortened.
STATS = {"system": {"os": "posix", "comfyui_version": "0.3.64"}, "devices": [{"name": "cpu", "type": "cpu"}]}


async def looked(*targets: Target, allowed: str = "loopback") -> Sequence[Diagnosis]:
    async def recent() -> Sequence[Target]:
        return targets

    return await Runtimes(AllowedHosts.parse(allowed), recent).look()


def comfyui(url: str) -> ComfyTarget:
    return ComfyTarget(url, {"1": {}}, None)


async def test_without_any_runtime_there_is_nothing_to_find_fault_with() -> None:
    [found] = await looked(CliTarget("draw"), CliTarget(None), allowed="loopback, 10.0.0.0/8:8188, *.lan:8188, gpu")
    assert (found.subject, found.health) == ("runtimes", Health.GOOD)


@pytest.mark.parametrize("is_known", [True, False])
async def test_comfyui_is_told_with_its_version(is_known: bool) -> None:
    async with ComfyStandIn.serving() as server:
        server.instead("/system_stats", ComfyReply(content=STATS))
        targets = [comfyui(server.url)] if is_known else []
        [found] = await looked(*targets, allowed=f"127.0.0.1:{server.wire.port}")
        assert found == Diagnosis(f"runtime localhost:{server.wire.port}", Health.GOOD, "ComfyUI 0.3.64 answers")
        assert [path for _, path, _ in server.requests] == ["/system_stats"]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("variant", a1111.Variant)
async def test_a_server_with_the_api_of_a1111_is_told(variant: a1111.Variant, is_known: bool) -> None:
    async with a1111.running(variant) as server:
        targets = [SdnextTarget(server.url, {})] if is_known else []
        [found] = await looked(*targets, allowed=server.url.removeprefix("http://"))
        assert (found.health, found.finding) == (Health.GOOD, "SD.Next, AUTOMATIC1111 or Forge answers")
        assert not server.payloads


async def test_the_login_of_recent_deliveries_is_used_and_not_told() -> None:
    async with a1111.running(a1111.Variant.SDNEXT) as server:
        server.credentials = "ann:hush"
        with_login = server.url.replace("//", "//ann:hush@")
        [good] = await looked(SdnextTarget(with_login, {}))
        [doubtful] = await looked(SdnextTarget(server.url, {}))
        [wrong] = await looked(SdnextTarget(with_login.replace("hush", "hushed"), {}))
    assert (good.health, doubtful.health, wrong.health) == (Health.GOOD, Health.DOUBTFUL, Health.DOUBTFUL)
    assert doubtful.finding == "asks for a login (401)"
    assert "hush" not in f"{good}{doubtful}{wrong}"


async def test_a_receiver_of_posts_is_connected_to_and_asked_nothing() -> None:
    async with serving(_fail) as server:
        [found] = await looked(HttpTarget("127.0.0.1", server.port, "/prompts", "http", {"X-Key": "hush"}))
        assert (found.health, found.finding) == (Health.GOOD, "takes connections")
        assert server.requests == []


async def test_something_else_in_the_place_of_a_runtime_is_doubtful_and_of_no_runtime_good() -> None:
    async with serving(_page) as server:
        [known] = await looked(comfyui(server.url))
        [unknown] = await looked(allowed=f"loopback:{server.port}")
    assert (known.health, known.finding) == (Health.DOUBTFUL, "answers, but not as comfyui does")
    assert (unknown.health, unknown.finding) == (
        Health.GOOD,
        "answers, and is neither ComfyUI nor has it A1111's API",
    )


async def test_a_runtime_that_is_away_or_speaks_no_http_is_doubtful() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    [away], [away_too] = (
        await looked(comfyui(f"http://127.0.0.1:{port}")),
        await looked(HttpTarget("127.0.0.1", port, "/", "http", {})),
    )
    async with serving(_fail) as server:
        [cut] = await looked(comfyui(server.url))
    assert {away.health, away_too.health, cut.health} == {Health.DOUBTFUL}
    assert away.finding == f"127.0.0.1:{port} cannot be reached (Connection refused)"
    assert away.advice == "check that it runs and its port"
    assert "connection" in cut.finding


async def test_a_runtime_that_is_not_allowed_any_more_is_doubtful_and_not_contacted() -> None:
    async with serving(_page) as server:
        [found] = await looked(comfyui(server.url), allowed="gpu")
        assert server.connections == 0
    assert found.health is Health.DOUBTFUL
    forbidden = f"127.0.0.1:{server.port} is not among the hosts that deliveries may contact"
    assert found.finding == f"deliveries went there, but {forbidden} (any more)"
    assert found.advice == "add 127.0.0.1 to DELIVERY_ALLOWED_HOSTS to allow it"


async def test_each_runtime_is_looked_at_once_whatever_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(_page) as server:
        target = HttpTarget("127.0.0.1", server.port, "/", "http", {})
        other = HttpTarget("localhost", server.port, "/other", "http", {})
        found = await looked(target, other, allowed=f"loopback:{server.port} [::1]:{server.port}")
        assert [one.finding for one in found] == ["takes connections"]
    monkeypatch.setattr(runtimes, "_MOST", 0)
    [found_none] = await looked(target)
    assert found_none.finding == "1 more are not looked at"


async def test_where_deliveries_cannot_be_read_the_hosts_that_are_allowed_are_looked_at_all_the_same() -> None:
    async def recent() -> Sequence[Target]:
        raise Unavailable("the database at here does not answer")

    async with serving(_page) as server:
        found = await Runtimes(AllowedHosts.parse(f"127.0.0.1:{server.port}"), recent).look()
    assert [one.health for one in found] == [Health.DOUBTFUL, Health.GOOD]
    assert found[0].advice == "see to the database first"


async def _page(*_: object) -> Reply:
    return 404, {"Content-Type": "text/html"}, b"<title>Not found</title>"


async def _fail(*_: object) -> Reply:
    raise Drop
