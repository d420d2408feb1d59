"""ETag, If-None-Match and If-Match."""

import pytest

from lora_manager.domain.errors import InvalidFields
from lora_manager.http.etags import etag, is_known, revisions
from tests.http.service import NOBODY, Service, wrong


@pytest.mark.parametrize(
    ("header", "known"),
    [
        ('"3"', True),
        ('W/"3"', True),
        ("*", True),
        (' "1" , W/"3","x,y" ', True),
        ('"1", "2"', False),
        ('"33"', False),
        ("3", False),
        ("", False),
        ('"3', False),
        ('"3" "3"', False),
        ('"\u00e9", "3"', True),
    ],
)
def test_if_none_match_compares_weakly_and_passes_over_what_it_cannot_read(header: str, known: bool) -> None:
    assert is_known(header, etag(3)) is known


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*", None),
        ('"3"', {3}),
        ('"1", "3"', {1, 3}),
        ('W/"3"', set()),
        ('W/"3", "4"', {4}),
        ('"x", "03", "0", "3.0", "-1", ""', set()),
        ('"99999999999999999999999"', set()),
    ],
)
def test_if_match_compares_strongly(header: str, expected: set[int] | None) -> None:
    assert revisions(header) == expected


@pytest.mark.parametrize("header", ["", "3", '"3', "'3'", '"3" "4"', '*, "3"', 'w/"3"', '"3";'])
def test_an_if_match_that_cannot_be_read_is_an_error(header: str) -> None:
    with pytest.raises(InvalidFields):
        revisions(header)


async def test_what_a_client_has_already_is_not_sent_again(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    for method in ("GET", "HEAD"):
        answer = await service.client.request(method, url, headers={"If-None-Match": 'W/"1"'})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
        assert "content-type" not in answer.headers
    await service.client.patch(url, json={"weight": 0.5})
    answer = await service.client.get(url, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"], answer.json()["adapter"]["weight"]) == (200, '"2"', 0.5)


async def test_several_header_lines_are_one_list(service: Service) -> None:
    adapter = await service.register("ink")
    lines = [("If-None-Match", '"7"'), ("If-None-Match", '"1"')]
    assert (await service.client.get(f"/adapters/{adapter['id']}", headers=lines)).status_code == 304


@pytest.mark.parametrize("header", ['"1"', "*", '"7", "1"'])
async def test_a_change_is_made_to_the_revision_that_if_match_names(service: Service, header: str) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    answer = await service.client.patch(url, json={"weight": 0.5}, headers={"If-Match": header})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')


@pytest.mark.parametrize("header", ['"2"', 'W/"1"', '"x"', '"2", "3"'])
async def test_a_change_of_another_revision_is_refused(service: Service, header: str) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    answer = await service.client.patch(url, json={"weight": 0.5}, headers={"If-Match": header})
    assert (answer.status_code, answer.json()["type"]) == (412, "/problems/precondition-failed")
    assert await service.show(adapter["id"]) == adapter


async def test_an_if_match_that_cannot_be_read_changes_nothing(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    assert list(wrong(await service.client.patch(url, json={"weight": 0.5}, headers={"If-Match": "1"}))) == ["If-Match"]
    assert await service.show(adapter["id"]) == adapter


async def test_if_match_does_not_hide_that_there_is_no_such_adapter(service: Service) -> None:
    for header in ("*", '"1"'):
        answer = await service.client.patch(f"/adapters/{NOBODY}", json={}, headers={"If-Match": header})
        assert answer.status_code == 404
