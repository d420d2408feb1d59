"""Listing adapters: filters, order, pages, and a query that is read strictly."""

import httpx
import pytest

from tests.http.service import Service, wrong


async def test_an_empty_registry_has_an_empty_first_and_last_page(service: Service) -> None:
    answer = await service.client.get("/adapters")
    assert answer.json() == {"items": [], "total": 0, "limit": 100, "offset": 0, "next_cursor": None}


async def test_a_listing_shows_each_adapter_as_it_is_shown_alone(service: Service) -> None:
    adapter = await service.register("ink", tags=["a"])
    assert (await service.client.get("/adapters")).json()["items"] == [adapter]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["fog", "ink", "Zen"]),
        ({"active": "true"}, ["ink"]),
        ({"active": "false"}, ["fog", "Zen"]),
        ({"tag": "a"}, ["fog", "ink"]),
        ({"tag": ["a", "b"]}, ["ink"]),
        ({"any_tag": ["b", "c"]}, ["ink", "Zen"]),
        ({"not_tag": "a"}, ["Zen"]),
        ({"q": "red FOG"}, ["fog"]),
        ({"q": "robe"}, ["Zen"]),
        ({"q": " "}, ["fog", "ink", "Zen"]),
        ({"base_model": "sdxl"}, ["Zen"]),
        ({"file_state": "present"}, ["fog", "ink", "Zen"]),
        ({"file_state": "missing"}, []),
        ({"validation_state": "unchecked", "active": "true", "tag": "b"}, ["ink"]),
        ({"order_by": "-weight"}, ["Zen", "fog", "ink"]),
        ({"order_by": "ordinal"}, ["ink", "fog", "Zen"]),
        ({"order_by": "-ordinal"}, ["ink", "Zen", "fog"]),
        ({"order_by": "created_at"}, ["ink", "fog", "Zen"]),
        ({"limit": "1", "offset": "1"}, ["fog"]),
        ({"offset": "9007199254740991"}, []),
    ],
)
async def test_filters_and_orders_select(service: Service, query: dict[str, str | list[str]], names: list[str]) -> None:
    await service.register("ink", active=True, tags=["a", "b"], ordinal=2, weight=0.5)
    await service.register("fog", title="Red mist", tags=["a"], weight=1)
    await service.register("Zen", triggers=[{"text": "robe"}], tags=["c"], base_model="sdxl", weight=2)
    if "order_by" not in query and len(names) > 1:
        names = sorted(names)  # by code point: capitals first
    assert await service.names(query) == names


async def test_cursors_lead_through_all_pages_while_entries_come_and_go(service: Service) -> None:
    for name in "abcde":
        await service.register(name)
    first = (await service.client.get("/adapters", params={"limit": 2})).json()
    assert (first["total"], first["limit"], first["offset"]) == (5, 2, 0)
    await service.client.delete(f"/adapters/{first['items'][0]['id']}")
    await service.register("bb")
    second = (await service.client.get("/adapters", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [adapter["name"] for adapter in second["items"]] == ["bb", "c"]
    assert (second["total"], second["offset"]) == (5, 0)
    last = (await service.client.get("/adapters", params={"limit": 2, "cursor": second["next_cursor"]})).json()
    assert ([adapter["name"] for adapter in last["items"]], last["next_cursor"]) == (["d", "e"], None)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("limit=0", ["limit"]),
        ("limit=501", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=1.0", ["limit"]),
        ("limit=1e1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=+1", ["limit"]),
        ("limit=\u0661", ["limit"]),
        ("limit=" + "9" * 5_000, ["limit"]),
        ("offset=-1", ["offset"]),
        ("offset=9007199254740992", ["offset"]),
        ("offset=9223372036854775808", ["offset"]),
        ("active=1", ["active"]),
        ("active=True", ["active"]),
        ("active=yes", ["active"]),
        ("active=", ["active"]),
        ("file_state=gone", ["file_state"]),
        ("validation_state=fine", ["validation_state"]),
        ("order_by=sha256", ["order_by"]),
        ("order_by=--name", ["order_by"]),
        ("cursor=nonsense", ["cursor"]),
        ("cursor=", ["cursor"]),
        ("cursor=WyJuYW1lIiwiYSIsICIwIl0", ["cursor"]),
        ("limit=1&limit=2", ["limit"]),
        ("q=a&q=b", ["q"]),
        ("tags=a", ["tags"]),
        ("=a", [""]),
        ("tag=%00", ["tag"]),
        ("q=a%00b", ["q"]),
        ("base_model=%00", ["base_model"]),
        ("q=%ED%A0%80", ["query"]),
        ("q=%FF", ["query"]),
        ("&".join(f"tag={number}" for number in range(101)), ["tag"]),
        (
            "limit=0&offset=-1&active=1&page=2&tag=%00&order_by=x",
            ["active", "limit", "offset", "order_by", "page", "tag"],
        ),
    ],
)
async def test_a_query_that_cannot_be_read_is_refused_with_the_names_of_all_its_wrong_parameters(
    shell: httpx.AsyncClient, query: str, names: list[str]
) -> None:
    assert sorted(wrong(await shell.get(f"/adapters?{query}"))) == names


async def test_a_cursor_belongs_to_its_order(service: Service) -> None:
    await service.register("a")
    await service.register("b")
    cursor = (await service.client.get("/adapters", params={"limit": 1})).json()["next_cursor"]
    answer = await service.client.get("/adapters", params={"cursor": cursor, "order_by": "-name"})
    assert list(wrong(answer)) == ["cursor"]
    assert list(wrong(await service.client.get("/adapters", params={"cursor": cursor, "offset": 1}))) == ["offset"]


async def test_text_beyond_ascii_is_found(each_service: Service) -> None:
    await each_service.register("墨绘", title="İstanbul", tags=["風"])
    for query in ({"q": "墨"}, {"q": "i̇STANBUL"}, {"tag": "風"}, {"q": "墨绘 風"}):
        assert await each_service.names(query) == ["墨绘"]
    assert await each_service.names({"q": "%"}) == []
    assert await each_service.names({"q": "_"}) == []
