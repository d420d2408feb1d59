import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.dispatch.by_mode import DispatcherByMode
from lora_manager.adapters.dispatch.http import HttpDispatcher
from lora_manager.adapters.outbound.answers import retry_after
from lora_manager.adapters.outbound.client import OutboundClient
from lora_manager.domain.delivery import Content, DeliveredLora, Delivery, DispatchFailed, Mode, Result
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from tests.contract.dispatch.running import ID, NOW, ignore, running
from tests.standins.http_server import Handler, LoopbackServer, Reply, serving


@pytest.fixture
async def client() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(AllowedHosts.parse())
    yield client
    await client.aclose()


def answering(status: int, body: bytes = b"", **headers: str) -> Handler:
    async def answer(*_: object) -> Reply:
        return status, {name.replace("_", "-"): value for name, value in headers.items()}, body

    return answer


def to(server: LoopbackServer, content: Content | None = None, **params: object) -> Delivery:
    return running(Mode.HTTP, {"host": "127.0.0.1", "port": server.port, **params}, content=content)


async def dispatched(client: OutboundClient, handler: Handler) -> Result:
    async with serving(handler) as server:
        return await HttpDispatcher(client).dispatch(to(server), ignore)


async def failure(client: OutboundClient, handler: Handler) -> DispatchFailed:
    with pytest.raises(DispatchFailed) as caught:
        await dispatched(client, handler)
    return caught.value


async def test_the_prompt_is_posted_with_all_that_it_was_composed_of(client: OutboundClient) -> None:
    lora = DeliveredLora(ID, "ink", "2", 0.75, None, "ab" * 32, "loras/ink.safetensors")
    content = Content("a quiet harbour", ("<lora:ink:0.75>",), (lora,))

    async with serving(answering(200)) as server:
        await HttpDispatcher(client).dispatch(to(server, content, path="/in?x=1"), ignore)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/in?x=1")
    assert json.loads(request.body) == {
        "prompt": "a quiet harbour",
        "metadata": {
            "delivery_id": str(ID),
            "created_at": "2026-01-02T03:04:05Z",
            "tokens": ["<lora:ink:0.75>"],
            "adapters": [
                {
                    "id": str(ID),
                    "name": "ink",
                    "version": "2",
                    "weight": 0.75,
                    "te_weight": None,
                    "sha256": "ab" * 32,
                }
            ],
        },
    }


async def test_the_lists_are_empty_for_a_plain_prompt(client: OutboundClient) -> None:
    async with serving(answering(200)) as server:
        await HttpDispatcher(client).dispatch(to(server), ignore)

    metadata = json.loads(server.requests[0].body)["metadata"]
    assert (metadata["tokens"], metadata["adapters"]) == ([], [])


async def test_every_attempt_carries_the_delivery_and_its_number(client: OutboundClient) -> None:
    async with serving(answering(200)) as server:
        await HttpDispatcher(client).dispatch(
            to(server, headers={"X-Own": " one ", "Authorization": "Bearer x"}), ignore
        )

    headers = server.requests[0].headers
    assert headers["idempotency-key"] == str(ID)
    assert headers["x-delivery-attempt"] == "1"
    assert headers["content-type"] == "application/json"
    assert headers["x-own"] == "one"
    assert headers["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("content_type", "body", "kept"),
    [
        ("application/json", b'{"job": [1, null]}', {"job": [1, None]}),
        ("application/vnd.x+json; charset=utf-8", b'"text"', "text"),
        ("text/plain", b'{"job": 1}', '{"job": 1}'),
        ("application/json", b"{no json", "{no json"),
        ("application/json", b'"\xff"', '"\N{REPLACEMENT CHARACTER}"'),
        ("application/json", b"[" * 65 + b"]" * 65, "[" * 65 + "]" * 65),
        ("application/json", b"[" * 20_000, "[" * 20_000),
        ("application/octet-stream", b"\x00\xff", "\x00\N{REPLACEMENT CHARACTER}"),
        ("application/json", b"", ""),
    ],
)
@pytest.mark.parametrize("status", [200, 202, 299])
async def test_what_the_server_answered_is_the_result(
    client: OutboundClient, status: int, content_type: str, body: bytes, kept: object
) -> None:
    async def answer(*_: object) -> Reply:
        return status, {"Content-Type": content_type}, body

    assert await dispatched(client, answer) == {"status": status, "body": kept, "truncated": False}


async def test_of_a_large_answer_the_beginning_is_kept(client: OutboundClient) -> None:
    body = b'"' + b"x" * 100_000 + b'"'

    result = await dispatched(client, answering(200, body, Content_Type="application/json"))

    assert result == {"status": 200, "body": body[: 64 * 1024].decode(), "truncated": True}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_tried_again(client: OutboundClient, status: int) -> None:
    failed = await failure(client, answering(status, b"busy"))

    assert (failed.error.code, failed.error.retryable) == ("refused", True)
    assert f"answered {status}: busy" in failed.error.message


@pytest.mark.parametrize("status", [300, 304, 307, 400, 401, 404, 409, 418, 422, 499])
async def test_what_will_not_pass_fails_at_once(client: OutboundClient, status: int) -> None:
    failed = await failure(client, answering(status, b"", Retry_After="1"))

    assert (failed.error.code, failed.error.retryable, failed.retry_after) == ("refused", False, None)
    assert str(status) in failed.error.message


async def test_a_redirect_names_where_it_leads(client: OutboundClient) -> None:
    failed = await failure(client, answering(308, b"", Location="/elsewhere"))

    assert "'/elsewhere'; redirects are not followed" in failed.error.message


async def test_what_a_server_said_is_one_line_of_the_message_and_whole_in_the_result(client: OutboundClient) -> None:
    failed = await failure(client, answering(422, b"bad\r\n  prompt\n" + b"x" * 1000))

    assert "answered 422: bad prompt xxx" in failed.error.message
    assert len(failed.error.message) < 400
    assert failed.result == {"status": 422, "body": "bad\r\n  prompt\n" + "x" * 1000, "truncated": False}


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        ("86401", timedelta(days=1)),
        ("9" * 5_000, timedelta(days=1)),
        ("Fri, 02 Jan 2026 03:05:05 GMT", timedelta(minutes=1)),
        ("Friday, 02-Jan-26 03:05:05 GMT", timedelta(minutes=1)),
        ("Fri, 02 Jan 2026 03:05:05", timedelta(minutes=1)),
        ("Fri, 02 Jan 2026 03:03:05 GMT", timedelta()),
        ("Fri, 02 Jan 2126 03:05:05 GMT", timedelta(days=1)),
        ("Fri, 32 Jan 2026 03:05:05 GMT", None),
        ("Fri, 02 Jan 2026 03:05:05 +2500", None),
        ("Fri, 02 Jan 2026 03:05:05 +9999999999999999", None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(value: str, wait: timedelta | None) -> None:
    assert retry_after(value, NOW) == wait


@given(st.text() | st.from_regex(r"\w{3}, [0-9]{1,3} \w{3} [0-9]{1,5} [0-9:]{0,8} (GMT|[+-][0-9]{1,20})"))
def test_no_wait_is_longer_than_a_day_or_before_now(value: str) -> None:
    wait = retry_after(value, NOW)

    assert wait is None or timedelta() <= wait <= timedelta(days=1)


async def test_a_server_is_left_alone_for_as_long_as_it_asks(client: OutboundClient) -> None:
    failed = await failure(client, answering(503, b"", Retry_After="120"))

    assert failed.retry_after == timedelta(seconds=120)


async def test_a_host_that_is_not_allowed_is_not_contacted() -> None:
    client = OutboundClient(AllowedHosts.parse("192.0.2.1"))
    async with serving(answering(200)) as server:
        with pytest.raises(DispatchFailed, match="target_forbidden"):
            await HttpDispatcher(client).dispatch(to(server), ignore)

    assert server.connections == 0


async def test_a_delivery_goes_to_the_dispatcher_for_its_mode(client: OutboundClient) -> None:
    async with serving(answering(204)) as server:
        by_mode = DispatcherByMode({Mode.HTTP: HttpDispatcher(client)})
        result = await by_mode.dispatch(to(server), ignore)

    assert result["status"] == 204


async def test_a_mode_without_a_dispatcher_is_final_and_says_which_there_are(client: OutboundClient) -> None:
    by_mode = DispatcherByMode({Mode.HTTP: HttpDispatcher(client)})

    with pytest.raises(DispatchFailed, match=r"mode cli, only for: http") as caught:
        await by_mode.dispatch(running(Mode.CLI, {}), ignore)

    assert (caught.value.error.code, caught.value.error.retryable) == ("mode_unavailable", False)
