"""Activating, ordering, and doing one thing to many adapters."""

from typing import Any

import pytest

from tests.http.service import NOBODY, Service, wrong


async def test_activating_gives_a_place_and_doing_it_again_changes_nothing(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}/activate"
    answer = await service.client.post(url, json={"ordinal": 3})
    active = answer.json()["adapter"]
    assert (active["active"], active["ordinal"], active["revision"], answer.headers["etag"]) == (True, 3, 2, '"2"')
    for request in ({}, {"json": {"ordinal": 3}}, {"json": {"ordinal": None}}, {"params": {"ordinal": 3}}):
        assert (await service.client.post(url, **request)).json()["adapter"] == active


@pytest.mark.parametrize(
    ("request_of", "ordinal"),
    [
        ({"params": {"ordinal": "-5"}}, -5),
        ({"params": {"ordinal": "0"}}, 0),
        ({"json": {"ordinal": 5}}, 5),
        ({"json": {"ordinal": 5}, "params": {"ordinal": "5"}}, 5),
        ({"json": {}, "params": {"ordinal": "6"}}, 6),
        ({"json": {"ordinal": None}, "params": {"ordinal": "7"}}, 7),
        ({}, None),
    ],
)
async def test_the_ordinal_stands_in_the_body_or_in_the_query(
    service: Service, request_of: dict[str, Any], ordinal: int | None
) -> None:
    adapter = await service.register("ink")
    answer = await service.client.post(f"/adapters/{adapter['id']}/activate", **request_of)
    assert answer.json()["adapter"]["ordinal"] == ordinal


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"ordinal": 1}, "params": {"ordinal": "2"}},
        {"json": {"ordinal": 1.0}},
        {"json": {"ordinal": "1"}},
        {"json": {"ordinal": True}},
        {"json": {"ordinal": 2**53}},
        {"params": {"ordinal": "1.0"}},
        {"params": {"ordinal": ""}},
        {"params": {"ordinal": "null"}},
        {"params": {"ordinal": ["1", "1"]}},
        {"params": {"ordinal": str(2**53)}},
    ],
)
async def test_an_ordinal_that_is_none_or_said_twice_is_refused(service: Service, request_of: dict[str, Any]) -> None:
    adapter = await service.register("ink")
    answer = await service.client.post(f"/adapters/{adapter['id']}/activate", **request_of)
    assert list(wrong(answer)) == ["ordinal"]
    assert await service.show(adapter["id"]) == adapter


async def test_deactivating_keeps_the_place_and_doing_it_again_changes_nothing(service: Service) -> None:
    adapter = await service.register("ink", active=True, ordinal=2)
    url = f"/adapters/{adapter['id']}/deactivate"
    inactive = (await service.client.post(url)).json()["adapter"]
    assert (inactive["active"], inactive["ordinal"], inactive["revision"]) == (False, 2, 2)
    assert (await service.client.post(url)).json()["adapter"] == inactive


async def test_reordering_gives_ordinals_in_the_order_of_the_ids(service: Service) -> None:
    ids = [(await service.register(name))["id"] for name in "abc"]
    answer = await service.client.post("/adapters/reorder", json={"ids": [ids[2], ids[0]]})
    assert [(x["name"], x["ordinal"]) for x in answer.json()["items"]] == [("c", 1), ("a", 2)]
    assert [(await service.show(adapter_id))["ordinal"] for adapter_id in ids] == [2, None, 1]


async def test_reordering_is_all_or_nothing(service: Service) -> None:
    adapter = await service.register("ink")
    answer = await service.client.post("/adapters/reorder", json={"ids": [adapter["id"], NOBODY]})
    assert (answer.status_code, NOBODY in answer.json()["detail"]) == (404, True)
    twice = await service.client.post("/adapters/reorder", json={"ids": [adapter["id"], adapter["id"]]})
    assert list(wrong(twice)) == ["ids[1]"]
    assert await service.show(adapter["id"]) == adapter


async def test_bulk_answers_for_each_id_in_their_order(service: Service) -> None:
    ink, fog = [(await service.register(name, active=name == "fog"))["id"] for name in ("ink", "fog")]
    answer = await service.client.post("/adapters/bulk", json={"action": "activate", "ids": [fog, NOBODY, ink, fog]})
    assert answer.json() == {
        "items": [
            {"id": fog, "result": "unchanged"},
            {"id": NOBODY, "result": "not_found"},
            {"id": ink, "result": "changed"},
        ]
    }


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ({"action": "deactivate"}, {"active": False}),
        ({"action": "tag", "tags": ["b", "a", " b "]}, {"tags": ["a", "b"]}),
        ({"action": "untag", "tags": ["a", "x"]}, {"tags": []}),
    ],
)
async def test_bulk_changes(service: Service, action: dict[str, Any], changed: dict[str, Any]) -> None:
    adapter = await service.register("ink", active=True, tags=["a"])
    await service.client.post("/adapters/bulk", json={**action, "ids": [adapter["id"]]})
    now = await service.show(adapter["id"])
    assert {name: now[name] for name in changed} == changed


async def test_bulk_deletes(service: Service) -> None:
    adapter = await service.register("ink")
    await service.client.post("/adapters/bulk", json={"action": "delete", "ids": [adapter["id"]]})
    assert await service.names() == []


async def test_bulk_undoes_everything_when_one_adapter_cannot_take_it(service: Service) -> None:
    full = await service.register("full", tags=[str(number) for number in range(100)])
    free = await service.register("free")
    body = {"action": "tag", "ids": [free["id"], full["id"]], "tags": ["one too many"]}
    assert list(wrong(await service.client.post("/adapters/bulk", json=body))) == ["tags"]
    assert await service.show(free["id"]) == free


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"action": "activate", "ids": [NOBODY], "tags": ["a"]}, ["tags"]),
        ({"action": "tag", "ids": [NOBODY]}, ["tags"]),
        ({"action": "untag", "ids": [NOBODY], "tags": [" "]}, ["tags"]),
        ({"action": "explode", "ids": [1, NOBODY, "x"], "tags": "a"}, ["action", "ids[0]", "ids[2]", "tags"]),
        ({"ids": NOBODY}, ["action", "ids"]),
        ({}, ["action", "ids"]),
        ({"action": "delete", "ids": [NOBODY] * 10_001}, ["ids"]),
    ],
)
async def test_bulk_refuses_what_it_cannot_read(service: Service, body: dict[str, Any], names: list[str]) -> None:
    assert sorted(wrong(await service.client.post("/adapters/bulk", json=body))) == names


async def test_ten_thousand_ids_are_taken_and_one_more_is_not(service: Service) -> None:
    ids = [f"00000000-0000-7000-8000-{number:012x}" for number in range(10_001)]
    answer = await service.client.post("/adapters/bulk", json={"action": "delete", "ids": ids[:10_000]})
    assert {item["result"] for item in answer.json()["items"]} == {"not_found"}
    assert list(wrong(await service.client.post("/adapters/reorder", json={"ids": ids}))) == ["ids"]
