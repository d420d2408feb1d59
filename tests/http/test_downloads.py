"""Fetching files: whole, in part, only where the client has not got them yet, and as names allow."""

import os
from contextlib import nullcontext
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lora_manager.app.files.open_file import Elsewhere
from lora_manager.http.file_answer import content_disposition
from tests.http.service import NOBODY, Service, application_with, client_of
from tests.library import lora_bytes

CONTENT = lora_bytes("content of ink")
SIZE = len(CONTENT)


async def fetch(service: Service, url: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    """The answer to a request with these headers, written with ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await service.client.request(method, url, headers=named)


@pytest.fixture
async def url(service: Service) -> str:
    """Where the file of an adapter is."""
    return f"/adapters/{(await service.register('ink'))['id']}/file"


async def test_a_file_is_sent_whole_under_its_name(service: Service, url: str) -> None:
    answer = await fetch(service, url)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-disposition"] == 'attachment; filename="ink.safetensors"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"


async def test_its_etag_is_the_sha256(service: Service, url: str) -> None:
    adapter = await service.show(url.split("/")[2])
    assert (await fetch(service, url)).headers["etag"] == f'"{adapter["sha256"]}"'


async def test_a_file_that_changed_has_another_etag(service: Service, url: str) -> None:
    before = (await fetch(service, url)).headers["etag"]
    service.file("ink", "something else")
    answer = await fetch(service, url, If_None_Match=before)
    assert (answer.status_code, answer.content) == (200, lora_bytes("something else"))
    assert answer.headers["etag"] != before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_a_client_has_already_is_not_sent(service: Service, url: str, method: str) -> None:
    first = await fetch(service, url)
    for name in ("ETag", "Last-Modified"):
        condition = {"ETag": "If_None_Match", "Last-Modified": "If_Modified_Since"}[name]
        answer = await fetch(service, url, method=method, **{condition: first.headers[name]})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == first.headers["etag"]
        assert "content-length" not in answer.headers


async def test_where_both_are_asked_the_etag_decides(service: Service, url: str) -> None:
    modified = (await fetch(service, url)).headers["last-modified"]
    assert (await fetch(service, url, If_None_Match='"x"', If_Modified_Since=modified)).status_code == 200


async def test_a_file_of_the_future_was_not_modified_there(service: Service, url: str) -> None:
    os.utime(service.library / "ink.safetensors", (4_000_000_000, 4_000_000_000))
    assert "2096" not in (await fetch(service, url)).headers["last-modified"]


async def test_head_tells_all_but_the_bytes(service: Service, url: str) -> None:
    got, head = await fetch(service, url), await fetch(service, url, method="HEAD", Range="bytes=0-9")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified", "content-disposition", "accept-ranges"):
        assert head.headers[name] == got.headers[name]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(0, SIZE - 1), length=st.integers(1, 2 * SIZE))
async def test_a_range_is_sent_as_a_slice_gives_it(service: Service, url: str, first: int, length: int) -> None:
    answer = await fetch(service, url, Range=f"bytes={first}-{first + length - 1}")
    expected = CONTENT[first : first + length]
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{SIZE}"


@pytest.mark.parametrize(
    ("asked", "begin"), [("bytes=-7", SIZE - 7), (f"bytes={SIZE - 3}-", SIZE - 3), ("bytes=0-", 0)]
)
async def test_a_range_may_be_open_at_either_end(service: Service, url: str, asked: str, begin: int) -> None:
    answer = await fetch(service, url, Range=asked)
    assert (answer.status_code, answer.content) == (206, CONTENT[begin:])
    assert answer.headers["content-range"] == f"bytes {begin}-{SIZE - 1}/{SIZE}"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=5-2", "lines=1-2", "nonsense"])
async def test_several_ranges_or_none_that_can_be_read_are_answered_with_the_whole(
    service: Service, url: str, asked: str
) -> None:
    answer = await fetch(service, url, Range=asked)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert "content-range" not in answer.headers


async def test_a_range_behind_the_end_is_refused_with_the_length(service: Service, url: str) -> None:
    answer = await fetch(service, url, Range=f"bytes={SIZE}-")
    assert (answer.status_code, answer.json()["type"]) == (416, "/problems/range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


async def test_a_range_is_sent_only_of_the_version_that_the_client_has_begun_with(service: Service, url: str) -> None:
    first = await fetch(service, url)
    going_on = {"Range": "bytes=10-"}
    for condition, status in (
        (first.headers["etag"], 206),
        ('"another"', 200),
        (f"W/{first.headers['etag']}", 200),
        (first.headers["last-modified"], 200),  # a second is too coarse to tell two versions apart
    ):
        answer = await fetch(service, url, **going_on, If_Range=condition)
        assert answer.status_code == status, condition
        assert answer.content == (CONTENT[10:] if status == 206 else CONTENT)


async def test_an_if_range_that_fails_asks_for_the_whole_even_where_the_range_is_behind_the_end(
    service: Service, url: str
) -> None:
    assert (await fetch(service, url, Range=f"bytes={SIZE}-", If_Range='"x"')).status_code == 200


async def test_what_a_client_has_is_not_sent_in_part_either(service: Service, url: str) -> None:
    tag = (await fetch(service, url)).headers["etag"]
    assert (await fetch(service, url, Range="bytes=0-1", If_None_Match=tag)).status_code == 304


async def test_a_file_that_is_gone_is_not_found(service: Service, url: str) -> None:
    (service.library / "ink.safetensors").unlink()
    for method in ("GET", "HEAD"):
        answer = await fetch(service, url, method=method)
        assert answer.status_code == 404
    problem = (await fetch(service, url)).json()
    assert problem["type"] == "/problems/file-gone"
    assert "there is no such file" in problem["detail"]


async def test_a_file_in_a_bucket_is_to_be_fetched_there() -> None:
    signed = "https://loras.example.org/ink%20wash.sft?X-Amz-Credential=a%2Fb&X-Amz-Signature=0f"

    async def open_file(_: UUID) -> Elsewhere:
        return Elsewhere(signed)

    application = application_with(open_file=open_file)
    async with client_of(nullcontext(application)) as client:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, f"/adapters/{NOBODY}/file", headers={"Range": "bytes=0-1"})
            assert (answer.status_code, answer.content) == (307, b"")
            assert (answer.headers["location"], answer.headers["cache-control"]) == (signed, "no-store")


@pytest.mark.parametrize("part", ["file", "preview", "metadata"])
async def test_an_unknown_adapter_has_nothing(service: Service, part: str) -> None:
    answer = await fetch(service, f"/adapters/{NOBODY}/{part}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/adapter-not-found")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ink wash.sft", 'attachment; filename="ink wash.sft"'),
        ('a"b.sft', "attachment; filename=\"a_b.sft\"; filename*=UTF-8''a%22b.sft"),
        ("a\\b.sft", "attachment; filename=\"a_b.sft\"; filename*=UTF-8''a%5Cb.sft"),
        ("50%20.sft", "attachment; filename=\"50_20.sft\"; filename*=UTF-8''50%2520.sft"),
        ("a\r\nX: y", "attachment; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
        ("tusche ö.sft", "attachment; filename=\"tusche _.sft\"; filename*=UTF-8''tusche%20%C3%B6.sft"),
        ("\udcff.sft", "attachment; filename=\"_.sft\"; filename*=UTF-8''%3F.sft"),
    ],
)
def test_any_file_name_can_be_told(name: str, expected: str) -> None:
    assert content_disposition("attachment", name) == expected


@given(st.text())
def test_no_file_name_breaks_the_header(name: str) -> None:
    said = content_disposition("inline", name)
    assert said.isascii()
    assert said.isprintable()
    assert said.count('"') == 2


async def preview_of(service: Service, **fields: object) -> str:
    """Where the preview of a new adapter named ink is."""
    return f"/adapters/{(await service.register('ink', **fields))['id']}/preview"


@pytest.mark.parametrize(
    ("file_name", "media_type"),
    [
        ("ink.png", "image/png"),
        ("ink.preview.png", "image/png"),
        ("ink.JPG", "image/jpeg"),
        ("ink.jpeg", "image/jpeg"),
        ("ink.webp", "image/webp"),
        ("ink.gif", "image/gif"),
        ("ink.avif", "image/avif"),
        ("ink.mp4", "video/mp4"),
        ("ink.webm", "video/webm"),
    ],
)
async def test_a_preview_is_shown_as_what_its_name_says_and_runs_nothing(
    service: Service, file_name: str, media_type: str
) -> None:
    url = await preview_of(service)
    raw = b"<!doctype html><script>alert(1)</script>"
    (service.library / file_name).write_bytes(raw)
    answer = await fetch(service, url)
    assert (answer.status_code, answer.content) == (200, raw)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["content-disposition"] == f'inline; filename="{file_name}"'


@pytest.mark.parametrize("file_name", ["ink.svg", "ink.html", "ink.json", "ink.png.html", "other.png"])
async def test_nothing_else_is_a_preview(service: Service, file_name: str) -> None:
    url = await preview_of(service)
    (service.library / file_name).write_text("<svg/>")
    answer = await fetch(service, url)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/preview-not-found")


async def test_a_preview_that_leads_out_of_the_library_is_none(service: Service, tmp_path: Path) -> None:
    url = await preview_of(service)
    (tmp_path / "secret.png").write_bytes(b"secret")
    (service.library / "ink.png").symlink_to(tmp_path / "secret.png")
    assert (await fetch(service, url)).status_code == 404


async def test_a_video_can_be_fetched_in_parts(service: Service) -> None:
    url = await preview_of(service)
    (service.library / "ink.mp4").write_bytes(b"0123456789")
    answer = await fetch(service, url, Range="bytes=4-")
    assert (answer.status_code, answer.content) == (206, b"456789")
    again = await fetch(service, url, If_None_Match=answer.headers["etag"])
    assert again.status_code == 304


async def test_an_empty_preview_is_an_empty_answer(service: Service) -> None:
    url = await preview_of(service)
    (service.library / "ink.png").touch()
    answer = await fetch(service, url)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await fetch(service, url, Range="bytes=0-")).status_code == 416


async def test_without_one_beside_the_file_the_preview_url_is_where_it_is(service: Service) -> None:
    url = await preview_of(service, preview_url="https://example.org/a%20b/墨.png?x=1&y=é#z")
    answer = await fetch(service, url)
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["location"] == "https://example.org/a%20b/%E5%A2%A8.png?x=1&y=%C3%A9#z"
    assert answer.headers["cache-control"] == "no-store"
    (service.library / "ink.png").write_bytes(b"a picture")
    assert (await fetch(service, url)).content == b"a picture"
