"""Input is read as it was written: nothing is coerced, and whatever no parser or database agrees on is refused."""

from collections.abc import AsyncIterator

import httpx
import pytest

from lora_manager.domain.errors import MAX_PROBLEMS, InvalidFields
from lora_manager.http.schemas.changes import PatchAdapter
from lora_manager.http.schemas.deliveries import DeliveryInput
from lora_manager.http.schemas.listing import AdapterQuery
from lora_manager.http.strict import MalformedBody, read_json, read_query
from tests.http.service import Service, wrong

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"{} {}",
        b"[]",
        b"null",
        b"1",
        b'"text"',
        b"NaN",
        b"{'name': 1}",
        b'{"weight": NaN}',
        b'{"weight": Infinity}',
        b'{"weight": -Infinity}',
        b'{"weight": 01}',
        b'{"weight": +1}',
        b'{"weight": .5}',
        b'{"weight": 0x10}',
        b'{"weight": 1,}',
        b'{"title": "\xff"}',
        b'{"title": "\xed\xa0\x80"}',
        b'{"title": "\\ud800"}',
        b'{"title": "\\udc00\\ud800"}',
        b'{"title": "\\x41"}',
        b'{"title": "a\nb"}',
        b'{"weight": "1", "title": "\\ud800"}',
        b'{"weight": "1", "title": }',
        b'{"\\ud800": 1}',
        b"\xef\xbb\xbf{}",
        '{"weight": 1}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"weight": ' + b"[" * 100_000,
        b'{"ordinal": ' + b"9" * 5_000 + b', "weight": "1"}',
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read_json(PatchAdapter, body)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"weight": "1"}', ["weight"]),
        (b'{"weight": true}', ["weight"]),
        (b'{"weight": null}', ["weight"]),
        (b'{"weight": [1]}', ["weight"]),
        (b'{"weight": 1e999}', ["weight"]),
        (b'{"weight": -1e999}', ["weight"]),
        (b'{"weight": 1' + b"0" * 400 + b"}", ["weight"]),
        (b'{"te_weight": 1e400, "archetype_confidence": 1e400}', ["archetype_confidence", "te_weight"]),
        (b'{"ordinal": 1.0}', ["ordinal"]),
        (b'{"ordinal": 1e3}', ["ordinal"]),
        (b'{"ordinal": "1"}', ["ordinal"]),
        (b'{"ordinal": false}', ["ordinal"]),
        (b'{"active": 1}', ["active"]),
        (b'{"active": "true"}', ["active"]),
        (b'{"name": 1}', ["name"]),
        (b'{"name": null}', ["name"]),
        (b'{"tags": "a"}', ["tags"]),
        (b'{"tags": {"0": "a"}}', ["tags"]),
        (b'{"tags": ["a", 1, null]}', ["tags[1]", "tags[2]"]),
        (b'{"triggers": ["a"]}', ["triggers[0]"]),
        (
            b'{"triggers": [{"text": "a"}, {"text": 1, "x": 1, "status": "maybe"}, {}]}',
            ["triggers[1].status", "triggers[1].text", "triggers[1].x", "triggers[2].text"],
        ),
        (b'{"wieght": 1, "NAME": "a", "a.b": 1, "": 1}', ["", "NAME", "a.b", "wieght"]),
        (
            b'{"weight": "1", "name": "a<b", "tags": ["\\u0007"], "preview_url": "x"}',
            ["name", "preview_url", "tags[0]", "weight"],
        ),
        (b'{"weight": "1", "ordinal": 9007199254740992, "title": "\\u0000"}', ["ordinal", "title", "weight"]),
    ],
)
def test_every_wrong_field_is_named(body: bytes, names: list[str]) -> None:
    with pytest.raises(InvalidFields) as caught:
        read_json(PatchAdapter, body)
    assert sorted(field.name for field in caught.value.fields) == names


def test_of_a_name_that_comes_twice_the_last_value_counts_and_each_must_be_right() -> None:
    assert read_json(PatchAdapter, b'{"weight": 1, "weight": 2}').weight == 2
    with pytest.raises(MalformedBody):
        read_json(PatchAdapter, b'{"weight": "1", "weight": 2}')
    with pytest.raises(InvalidFields):
        read_json(PatchAdapter, b'{"weight": 1, "weight": "2"}')


def test_integers_are_numbers_where_a_number_is_asked_for() -> None:
    assert read_json(PatchAdapter, b'{"weight": 1, "te_weight": -0, "ordinal": -0}').changes() == {
        "weight": 1.0,
        "te_weight": 0.0,
        "ordinal": 0,
    }


def test_absent_is_something_else_than_null() -> None:
    assert read_json(PatchAdapter, b"{}").changes() == {}
    assert read_json(PatchAdapter, b'{"title": null}').changes() == {"title": None}


def test_the_list_of_what_is_wrong_ends_somewhere() -> None:
    body = b'{"tags": [' + b",".join([b"1"] * 5_000) + b"]}"
    with pytest.raises(InvalidFields) as caught:
        read_json(PatchAdapter, body)
    assert len(caught.value.fields) == MAX_PROBLEMS


def test_where_something_is_wrong_is_told_by_the_beginning_of_a_long_path() -> None:
    params = b'{"' + b"x" * 1_000 + b'": {"y": [0, 1e999]}, "z": [{"a": 1e999}]}'
    with pytest.raises(InvalidFields) as caught:
        read_json(DeliveryInput, b'{"prompt": "", "mode": "cli", "params": ' + params + b"}")
    assert [field.name for field in caught.value.fields] == ["params." + "x" * 193 + "...", "params.z[0].a"]


async def test_an_answer_does_not_grow_with_what_it_refuses(service: Service) -> None:
    triggers = [{"text": ""}] * 100_000
    body = {"name": "ink", "file_path": "/ink.sft", "triggers": triggers}
    answer = await service.client.post("/adapters", json=body)
    assert (answer.status_code, len(answer.json()["invalid_params"])) == (400, MAX_PROBLEMS)
    assert answer.json()["invalid_params"][0] == {"name": "triggers", "reason": "must be at most 1000, are 100000"}
    assert answer.json()["detail"].endswith("; and 980 more")
    assert len(answer.content) < 200_000


@pytest.mark.parametrize("query", [b"q=\xff", b"q=%ff", b"q=%ed%a0%80", "q=é".encode()])
def test_a_query_must_be_percent_encoded_utf8(query: bytes) -> None:
    with pytest.raises(InvalidFields) as caught:
        read_query(AdapterQuery, query)
    assert [field.name for field in caught.value.fields] == ["query"]


async def post(client: httpx.AsyncClient, body: bytes, content_type: str | None) -> httpx.Response:
    headers = {} if content_type is None else {b"Content-Type": content_type.encode()}
    return await client.post("/compose", content=body, headers=headers)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/merge-patch+json",
        "application/vnd.example.v1+json",
    ],
)
async def test_json_is_taken_by_any_of_its_names(service: Service, content_type: str) -> None:
    assert (await post(service.client, b"{}", content_type)).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "text/json",
        "\u00e9",
    ],
)
async def test_a_body_that_does_not_say_that_it_is_json_is_refused(
    shell: httpx.AsyncClient, content_type: str | None
) -> None:
    answer = await post(shell, b"{}", content_type)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


async def test_a_body_that_is_too_large_is_refused(shell: httpx.AsyncClient) -> None:
    answer = await post(shell, b'{"prefix": "' + b"x" * 10_000_000 + b'"}', "application/json")
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/body-too-large")


async def test_a_large_body_that_comes_in_pieces_is_refused(shell: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 1_000_000

    answer = await shell.post("/compose", content=pieces(), headers=JSON)
    assert answer.status_code == 413


TROUBLE: list[tuple[str, object]] = [
    ("title", "\0"),
    ("title", "a\0b"),
    ("description", "x" * 100_001),
    ("description", "\ufffe\uffff\U0010ffff"),
    ("description", "\u202e\u0000"),
    ("version", ""),
    ("version", "\u2028"),
    ("tags", ["\0"]),
    ("tags", ["a\u0085b"]),
    ("tags", ["x" * 101]),
    ("tags", [str(number) for number in range(101)]),
    ("weight", 5e-324),
    ("weight", 1e308),
    ("weight", 100.00000000000001),
    ("weight", -0.0),
    ("te_weight", 10**22),
    ("ordinal", 2**53 - 1),
    ("ordinal", -(2**53) + 1),
    ("ordinal", 2**53),
    ("ordinal", 2**63),
    ("ordinal", -(2**63) - 1),
    ("ordinal", 10**400),
    ("archetype_confidence", 1.0000000000000002),
    ("triggers", [{"text": "x\0"}]),
    ("triggers", [{"text": "x" * 1_001}]),
    ("triggers", [{"text": "a", "group": "\n"}]),
    ("preview_url", "javascript:alert(1)"),
    ("preview_url", "http://["),
    ("preview_url", "http://example.org/\u0000"),
    ("preview_url", "https://example.org/" + "x" * 3_000),
    ("base_model", " sdxl"),
    ("name", "墨\u0301"),
    ("name", "\u200b"),
    ("name", "e" * 201),
    ("name", ".."),
]


async def test_no_value_troubles_a_database_and_what_is_taken_comes_back(each_service: Service) -> None:
    adapter = await each_service.register("ink")
    url = f"/adapters/{adapter['id']}"
    for name, value in TROUBLE:
        answer = await each_service.client.patch(url, json={name: value})
        if answer.status_code == 200:
            assert answer.json()["adapter"][name] == value
            assert (await each_service.show(adapter["id"]))[name] == value
        else:
            assert {key.split("[")[0] for key in wrong(answer)} == {name}, (name, value)


async def test_no_path_troubles_the_service(each_service: Service) -> None:
    for path in (
        "\0",
        "",
        " ",
        ".",
        "relative",
        "~",
        "/\0",
        "//",
        "/" * 5_000,
        "s3://bucket/key",
        "s3://",
        "C:\\x",
        "\U0010ffff",
    ):
        answer = await each_service.client.post("/adapters", json={"name": "ink", "file_path": path})
        assert list(wrong(answer)) == ["file_path"], (path, answer.text)


async def test_a_name_that_cannot_be_stored_is_found_nowhere(each_service: Service) -> None:
    for name in ("\0", "a\0b", "x" * 1_000_000):
        composed = await each_service.client.post("/compose", json={"adapters": [{"name": name}]})
        assert composed.status_code == 404, composed.text
