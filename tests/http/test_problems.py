"""Every error is a problem document that says what happened and nothing that it should not."""

import logging
import re
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import NoReturn, cast

import httpx
import pytest

from lora_manager.app.application import Application
from lora_manager.domain.errors import Conflict, Failure, Forbidden, Unavailable
from lora_manager.http.problem_kinds import ProblemKind
from tests.http.service import Open, client_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "problems.md"


class Broken(Open):
    """An application of which nothing works."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> NoReturn:
        raise self._error


def failing(error: Exception) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A client of a service whose application raises this."""
    return client_of(nullcontext(cast("Application", Broken(error))))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not-found"),
        ("GET", "/nothing/here", 404, "not-found"),
        ("POST", "/adapters/tags/x", 404, "not-found"),
        ("GET", "/problems/nonsense", 404, "not-found"),
        ("GET", "/docs/nonsense.js", 404, "not-found"),
        ("GET", "/docs/..%2f..%2fpyproject.toml", 404, "not-found"),
        ("GET", "/adapters/%00", 404, "not-found"),
        ("GET", "/adapters/%ff", 404, "not-found"),
        ("PUT", "/adapters", 405, "method-not-allowed"),
        ("GET", "/compose", 405, "method-not-allowed"),
        ("TRACE", "/health", 405, "method-not-allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem(
    shell: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await shell.request(method, path)
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(problem) == ["type", "title", "status", "detail", "request_id"]
    assert (answer.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{code}")
    assert problem["request_id"] == answer.headers["x-request-id"]


async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(shell: httpx.AsyncClient) -> None:
    assert (await shell.put("/adapters")).headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await shell.get("/compose")).headers["allow"] == "OPTIONS, POST"
    assert (await shell.options("/adapters")).headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_a_host_that_is_none_is_a_problem(shell: httpx.AsyncClient) -> None:
    answer = await shell.get("/health", headers={"Host": "a b"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request")


async def test_a_fault_of_the_service_tells_nothing_but_where_the_log_tells_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with failing(RuntimeError("the password is xyzzy")) as client:
        answer = await client.get("/adapters", headers={"X-Request-ID": "abc-1"})
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "xyzzy" not in answer.text
    assert answer.json()["request_id"] == "abc-1"
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "abc-1" in record.getMessage()
    assert record.exc_info is not None
    assert "xyzzy" in str(record.exc_info[1])


async def test_a_path_cannot_forge_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with failing(RuntimeError()) as client:
        await client.get("/library/scans/00000000-0000-7000-8000-000000000000%0aforged")
        await client.get("/adapters", params={"q": "x\nforged"})
    assert all("\n" not in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("the database does not answer"), 503, "unavailable"),
        (Forbidden("the key lacks the scope"), 403, "forbidden"),
        (Conflict("it is in use"), 409, "conflict"),
    ],
)
async def test_a_failure_is_answered_by_its_kind(error: Failure, status: int, code: str) -> None:
    async with failing(error) as client:
        answer = await client.get("/adapters")
    problem = answer.json()
    assert (answer.status_code, problem["type"], problem["detail"]) == (status, f"/problems/{code}", str(error))
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_a_message_that_is_no_unicode_is_told_all_the_same() -> None:
    async with failing(Conflict("ink-\udcff")) as client:
        assert (await client.get("/adapters")).json()["detail"] == "ink-\\udcff"


@pytest.mark.parametrize("given", ["abc", "018f-1/2+3=4:5@6~7.8_9", "x" * 128])
async def test_a_request_id_is_kept(shell: httpx.AsyncClient, given: str) -> None:
    answer = await shell.get("/health", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [b"", b" ", b"a b", b"x" * 129, b"a\tb", b"<script>", b"\xe9", b'a"b'])
async def test_a_request_id_that_is_not_fit_for_a_log_is_replaced(shell: httpx.AsyncClient, given: bytes) -> None:
    answer = await shell.get("/health", headers={b"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_every_request_without_an_id_gets_one_of_its_own(shell: httpx.AsyncClient) -> None:
    ids = {(await shell.get("/health")).headers["x-request-id"] for _ in range(10)}
    assert len(ids) == 10


async def test_the_type_of_a_problem_is_the_address_that_explains_it(shell: httpx.AsyncClient) -> None:
    for kind in ProblemKind:
        answer = await shell.get(kind.type)
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert kind.title in answer.text
        assert kind.advice in answer.text


def test_the_page_of_problems_and_the_code_agree() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(kind.code, str(kind.status), kind.title, kind.advice) for kind in ProblemKind]


async def test_a_head_request_is_answered_like_get_without_a_body(shell: httpx.AsyncClient) -> None:
    for path in ("/health", "/docs", "/schema/openapi.json", "/nothing"):
        got, head = await shell.get(path), await shell.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


async def test_answers_forbid_browsers_to_guess_what_they_are(shell: httpx.AsyncClient) -> None:
    for path in ("/health", "/docs", "/nothing"):
        assert (await shell.get(path)).headers["x-content-type-options"] == "nosniff"
