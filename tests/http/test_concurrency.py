"""Many at once: each gets the answer it would have got alone, one after the other."""

import asyncio
from collections import Counter

from tests.http.service import Service


async def test_of_fifty_creates_of_one_name_one_succeeds(each_service: Service) -> None:
    bodies = [{"name": "ink", "file_path": each_service.file(f"ink-{number}")} for number in range(50)]
    answers = await asyncio.gather(*(each_service.client.post("/adapters", json=body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {"/problems/name-taken"}
    assert await each_service.names() == ["ink"]


async def test_concurrent_patches_of_different_fields_are_all_kept(each_service: Service) -> None:
    adapter = await each_service.register("ink")
    url = f"/adapters/{adapter['id']}"
    changes = {
        "title": "Ink",
        "description": "wash",
        "version": "v2",
        "weight": 0.5,
        "te_weight": 0.25,
        "ordinal": 7,
        "archetype": "style",
        "base_model": "flux",
        "tags": ["a"],
        "active": True,
    }
    answers = await asyncio.gather(
        *(each_service.client.patch(url, json={name: value}) for name, value in changes.items())
    )
    assert sorted(answer.json()["adapter"]["revision"] for answer in answers) == list(range(2, 12))
    now = await each_service.show(adapter["id"])
    assert {name: now[name] for name in changes} == changes


async def test_of_concurrent_patches_of_one_revision_one_succeeds(each_service: Service) -> None:
    adapter = await each_service.register("ink")
    url = f"/adapters/{adapter['id']}"
    answers = await asyncio.gather(
        *(
            each_service.client.patch(url, json={"weight": number / 100}, headers={"If-Match": '"1"'})
            for number in range(2, 22)
        )
    )
    [winner] = [answer for answer in answers if answer.status_code == 200]
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    assert await each_service.show(adapter["id"]) == winner.json()["adapter"]


async def test_every_increment_of_ten_writers_that_try_again_arrives(each_service: Service) -> None:
    adapter = await each_service.register("ink", ordinal=0)
    url = f"/adapters/{adapter['id']}"

    async def increment() -> None:
        while True:
            read = await each_service.client.get(url)
            ordinal = read.json()["adapter"]["ordinal"] + 1
            headers = {"If-Match": read.headers["etag"]}
            if (await each_service.client.patch(url, json={"ordinal": ordinal}, headers=headers)).status_code == 200:
                return

    await asyncio.gather(*(increment() for _ in range(10)))
    assert (await each_service.show(adapter["id"]))["ordinal"] == 10
