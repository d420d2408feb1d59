"""What others are told of an adapter, and what they say of it."""

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import pytest

from lora_manager.domain.errors import Unavailable
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.publication import Publication
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.ports.publications import PublicationCatalog
from tests.contract.publication_examples import synced, waiting
from tests.http.registries import Saying, asking
from tests.http.service import NOBODY, Service, client_of, running

VALID = Validation(state=ValidationState.VALID, model_id=7, version_id=8, page_url="https://civitai.com/models/7")


async def test_the_document_is_what_is_published(service: Service) -> None:
    adapter = await service.register("ink", tags=["style:ink"])
    lora = await service.application.catalog.get(UUID(adapter["id"]))
    answer = await service.client.get(f"/adapters/{adapter['id']}/metadata")
    assert (answer.status_code, answer.content) == (200, metadata_document(lora))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"1"'


async def test_a_document_that_the_client_has_is_not_sent_again(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}/metadata"
    for method in ("GET", "HEAD"):
        answer = await service.client.request(method, url, headers={"If-None-Match": '"1"'})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"')
    await service.client.patch(f"/adapters/{adapter['id']}", json={"weight": 0.5})
    answer = await service.client.get(url, headers={"If-None-Match": '"1"'})
    assert (answer.status_code, answer.json()["weight"], answer.headers["etag"]) == (200, 0.5, '"2"')


async def test_a_deleted_adapter_has_no_document(service: Service) -> None:
    adapter = await service.register("ink")
    await service.client.delete(f"/adapters/{adapter['id']}")
    assert (await service.client.get(f"/adapters/{adapter['id']}/metadata")).status_code == 404


async def test_what_the_registry_says_is_answered_and_kept(service: Service) -> None:
    adapter = await service.register("ink")
    async with client_of(nullcontext(asking(service.application, Saying(VALID)))) as client:
        answer = await client.post(f"/adapters/{adapter['id']}/validate")
    validation = answer.json()["validation"]
    assert (answer.status_code, list(answer.json()), answer.headers["etag"]) == (200, ["validation"], '"2"')
    assert (validation["state"], validation["model_id"], validation["version_id"]) == ("valid", 7, 8)
    assert validation["checked_at"] is not None
    now = await service.show(adapter["id"])
    assert (now["validation"], now["title"]) == (validation, "Ink")


async def test_a_registry_that_does_not_answer_is_an_answer(service: Service) -> None:
    adapter = await service.register("ink")
    silent = Saying(Unavailable("the registry does not answer"))
    async with client_of(nullcontext(asking(service.application, silent))) as client:
        answer = await client.post(f"/adapters/{adapter['id']}/validate")
    validation = answer.json()["validation"]
    assert (answer.status_code, validation["state"]) == (200, "failed")
    assert validation["detail"] == "the registry does not answer"


async def test_an_unknown_adapter_cannot_be_validated(service: Service) -> None:
    answer = await service.client.post(f"/adapters/{NOBODY}/validate")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/adapter-not-found")


async def test_where_nothing_is_published_metadata_is_off(service: Service) -> None:
    adapter = await service.register("ink")
    assert adapter["metadata"] == {"state": "off", "uri": None, "synced_at": None, "detail": None}


async def test_what_was_changed_is_pending_where_changes_are_published(sqlite_url: str, library: Path) -> None:
    async with running(sqlite_url, library, METADATA_SYNC="true") as service:
        adapter = await service.register("ink")
        assert adapter["metadata"]["state"] == "pending"


class Known(PublicationCatalog):
    """Knows where some publications stand, and how often it was asked."""

    def __init__(self, **publications: Publication) -> None:
        self.asked = 0
        self._publications = publications

    async def of(self, lora_ids: Collection[UUID]) -> Mapping[UUID, Publication]:
        self.asked += 1
        wanted = {str(lora_id) for lora_id in lora_ids}
        return {UUID(known): one for known, one in self._publications.items() if known in wanted}

    def all(self) -> NoReturn:
        raise AssertionError("no answer holds all of them")

    async def backlog(self) -> NoReturn:
        raise AssertionError("no answer holds it")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/adapters", None),
        ("GET", "/adapters/duplicates", None),
        ("POST", "/compose/parse", {"prompt": "<lora:ink:1> <lora:oil:1>"}),
        ("POST", "/adapters/reorder", {}),
    ],
)
async def test_an_answer_that_holds_many_asks_once_where_their_metadata_stands(
    service: Service, method: str, path: str, body: dict[str, object] | None
) -> None:
    ink = await service.register("ink")
    oil = await service.client.post(
        "/adapters", json={"name": "oil", "file_path": service.file("oil", "content of ink")}
    )
    ids = [ink["id"], oil.json()["adapter"]["id"]]
    if path == "/adapters/reorder":
        body = {"ids": ids}
    known = Known(**{ids[0]: synced(), ids[1]: waiting()})
    async with client_of(nullcontext(replace(service.application, publications=known))) as client:
        answer = await client.request(method, path, json=body)
        shown = answer.json()
    adapters = shown["adapters"] if "adapters" in shown else shown["items"]
    if path == "/adapters/duplicates":
        adapters = adapters[0]["adapters"]
    assert {adapter["id"]: adapter["metadata"]["state"] for adapter in adapters} == {
        ids[0]: "synced",
        ids[1]: "pending",
    }
    assert known.asked == 1


async def test_a_publication_is_no_change_of_the_adapter(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    before, after = waiting(), synced()
    for publication in (before, after):
        known = Known(**{adapter["id"]: publication})
        async with client_of(nullcontext(replace(service.application, publications=known))) as client:
            answer = await client.get(url)
            unchanged = await client.get(url, headers={"If-None-Match": answer.headers["etag"]})
        assert answer.headers["etag"] == '"1"'
        assert answer.json()["adapter"]["metadata"]["state"] == publication.state
        assert (unchanged.status_code, known.asked) == (304, 1)
