"""Registering, showing, changing, deleting, restoring and verifying adapters."""

import json
import os
import zlib
from pathlib import Path
from uuid import UUID

import pytest
from blake3 import blake3

from tests.http.service import NOBODY, Service, wrong
from tests.library import lora_bytes, write_lora

SHOWN = (
    *("id", "name", "version", "title", "description", "tags", "file_path", "weight", "te_weight", "active", "ordinal"),
    *("triggers", "archetype", "archetype_confidence", "base_model", "preview_url", "sha256", "size_bytes", "file"),
    *("validation", "metadata", "revision", "created_at", "updated_at"),
)


async def test_a_registered_file_is_shown_with_all_its_fields(service: Service) -> None:
    path = service.file("ink")
    answer = await service.client.post("/adapters", json={"name": "ink", "file_path": path})
    assert answer.status_code == 201
    adapter = answer.json()["adapter"]
    assert tuple(adapter) == SHOWN
    assert answer.headers["location"] == f"/adapters/{adapter['id']}"
    assert answer.headers["etag"] == '"1"'
    assert UUID(adapter["id"]).version == 7
    assert (adapter["file_path"], adapter["weight"], adapter["active"], adapter["revision"]) == (path, 1.0, False, 1)
    assert adapter["size_bytes"] == os.stat(path).st_size
    assert (await service.client.get(answer.headers["location"])).json() == answer.json()


async def test_the_file_object_tells_what_is_known_and_leaves_out_what_its_metadata_does_not_say(
    service: Service,
) -> None:
    file = (await service.register("ink"))["file"]
    assert list(file) == ["state", "checked_at", "detail", "hashes", "network", "embedded"]
    assert list(file["hashes"]) == ["sha256", "autov1", "autov2", "autov3", "crc32", "blake3"]
    assert file["network"]["kind"] == "lora"
    assert file["network"]["rank"] == 4
    assert file["embedded"] == {"training_comment": "content of ink"}


async def test_times_are_in_utc_with_microseconds(service: Service) -> None:
    adapter = await service.register("ink")
    for name in ("created_at", "updated_at"):
        assert len(adapter[name]) == len("2026-01-31T12:00:00.000000Z")
        assert adapter[name].endswith("Z")


async def test_every_field_that_may_be_set_is_set(service: Service) -> None:
    fields = {
        "version": "v2",
        "title": "Ink wash",
        "description": "Brush and water.\nTwo lines.",
        "tags": ["style:ink", "landscape"],
        "weight": 0.75,
        "te_weight": 0,
        "active": True,
        "ordinal": -3,
        "triggers": [
            {"text": "ink wash", "group": None, "status": "required"},
            {"text": "red robe", "group": "outfit", "status": "optional"},
        ],
        "archetype": "style",
        "archetype_confidence": 0.5,
        "base_model": "sdxl",
        "preview_url": "https://example.org/ink.png",
    }
    adapter = await service.register("ink", **fields)
    assert {name: adapter[name] for name in fields} == fields


async def test_of_a_trigger_only_the_text_is_needed(service: Service) -> None:
    adapter = await service.register("ink", triggers=[{"text": "ink wash"}])
    assert adapter["triggers"] == [{"text": "ink wash", "group": None, "status": "required"}]


async def test_name_and_version_can_be_taken_once(service: Service) -> None:
    await service.register("ink")
    again = {"name": "ink", "file_path": service.file("other")}
    answer = await service.client.post("/adapters", json=again)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
    assert (await service.client.post("/adapters", json={**again, "version": "v2"})).status_code == 201


async def test_what_a_file_lacks_to_be_registered_is_told(service: Service, tmp_path: Path) -> None:
    outside = write_lora(tmp_path / "outside" / "ink.safetensors", "outside")
    library = service.library
    (library / "broken.safetensors").write_bytes(b"no header")
    header = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (library / "weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0\0\0")
    (library / "folder.safetensors").mkdir()
    cases = {
        str(library / "missing.safetensors"): "file-missing",
        str(library / "folder.safetensors"): "file-not-readable",
        str(outside): "outside-library",
        str(library / "broken.safetensors"): "invalid-safetensors",
        str(library / "weights.safetensors"): "not-a-lora",
    }
    for path, code in cases.items():
        answer = await service.client.post("/adapters", json={"name": "ink", "file_path": path})
        assert answer.json()["type"] == f"/problems/{code}", answer.text
        assert wrong(answer) == {"file_path": answer.json()["detail"]}
    assert await service.names() == []


async def test_a_patch_leaves_alone_what_it_does_not_name_and_clears_what_it_sets_to_null(service: Service) -> None:
    adapter = await service.register("ink", title="Ink", version="v1", te_weight=0.5, tags=["a"])
    url = f"/adapters/{adapter['id']}"
    changed = (await service.client.patch(url, json={"title": None, "te_weight": None, "weight": 0.25})).json()[
        "adapter"
    ]
    assert changed["revision"] == 2
    told = {"title": None, "te_weight": None, "weight": 0.25}
    same = adapter.keys() - told.keys() - {"revision", "updated_at"}
    assert {name: changed[name] for name in told} == told
    assert {name: changed[name] for name in same} == {name: adapter[name] for name in same}
    assert await service.show(adapter["id"]) == changed


async def test_a_patch_that_changes_nothing_makes_no_new_revision(service: Service) -> None:
    adapter = await service.register("ink", weight=0.5)
    bodies: list[dict[str, object]] = [{}, {"weight": 0.5}, {"tags": []}]
    for body in bodies:
        answer = await service.client.patch(f"/adapters/{adapter['id']}", json=body)
        assert (answer.status_code, answer.json()["adapter"]) == (200, adapter)


@pytest.mark.parametrize("name", ["name", "weight", "tags", "active", "triggers"])
async def test_null_is_refused_where_there_must_be_a_value(service: Service, name: str) -> None:
    adapter = await service.register("ink")
    answer = await service.client.patch(f"/adapters/{adapter['id']}", json={name: None})
    assert list(wrong(answer)) == [name]


async def test_a_patch_refuses_read_only_and_unknown_fields_each_by_name(service: Service) -> None:
    adapter = await service.register("ink")
    body = {"revision": 7, "file_path": "/x", "id": NOBODY, "wieght": 1}
    answer = await service.client.patch(f"/adapters/{adapter['id']}", json=body)
    cannot = "cannot be set"
    assert wrong(answer) == {"revision": cannot, "file_path": cannot, "id": cannot, "wieght": "is not known here"}


async def test_renaming_to_a_taken_name_is_a_conflict(service: Service) -> None:
    await service.register("ink")
    other = await service.register("fog")
    answer = await service.client.patch(f"/adapters/{other['id']}", json={"name": "ink"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")
    assert await service.show(other["id"]) == other


async def test_a_deleted_entry_is_gone_until_it_is_restored_and_its_file_stays(service: Service) -> None:
    adapter = await service.register("ink")
    url = f"/adapters/{adapter['id']}"
    answer = await service.client.delete(url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await service.client.get(url)).json()["type"] == "/problems/adapter-not-found"
    assert (await service.client.delete(url)).status_code == 404
    assert await service.names() == []
    assert os.listdir(service.library) == ["ink.safetensors"]
    restored = (await service.client.post(f"{url}/restore")).json()["adapter"]
    assert restored == adapter | {"revision": 3, "updated_at": restored["updated_at"]}
    assert await service.names() == ["ink"]


async def test_a_deleted_entry_cannot_come_back_under_a_name_that_is_taken_meanwhile(service: Service) -> None:
    adapter = await service.register("ink")
    await service.client.delete(f"/adapters/{adapter['id']}")
    await service.register("ink")
    answer = await service.client.post(f"/adapters/{adapter['id']}/restore")
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/name-taken")


async def test_further_hashes_are_taken_on_request_and_stay_while_the_content_does(service: Service) -> None:
    adapter = await service.register("ink")
    verify = f"/adapters/{adapter['id']}/verify"
    assert {"crc32", "blake3"}.isdisjoint(name for name, value in adapter["file"]["hashes"].items() if value)
    content = lora_bytes("content of ink")
    expected = {"crc32": f"{zlib.crc32(content):08x}", "blake3": blake3(content).hexdigest()}
    asked = (await service.client.post(f"{verify}?hash=crc32&hash=blake3")).json()["adapter"]
    again = (await service.client.post(verify)).json()["adapter"]
    for hashes in (asked["file"]["hashes"], again["file"]["hashes"]):
        assert {name: hashes[name] for name in expected} == expected
    assert (await service.client.post(f"{verify}?hash=md5")).status_code == 400


async def test_verifying_tells_what_became_of_the_file(service: Service) -> None:
    adapter = await service.register("ink")
    verify = f"/adapters/{adapter['id']}/verify"
    write_lora(Path(adapter["file_path"]), "another content")
    changed = (await service.client.post(verify)).json()["adapter"]
    assert changed["file"]["state"] == "changed"
    assert changed["sha256"] != adapter["sha256"]
    os.unlink(adapter["file_path"])
    assert (await service.client.post(verify)).json()["adapter"]["file"]["state"] == "missing"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/adapters/{id}"),
        ("PATCH", "/adapters/{id}"),
        ("DELETE", "/adapters/{id}"),
        ("POST", "/adapters/{id}/restore"),
        ("POST", "/adapters/{id}/verify"),
        ("POST", "/adapters/{id}/activate"),
        ("POST", "/adapters/{id}/deactivate"),
    ],
)
async def test_an_id_that_nobody_has_is_not_found(service: Service, method: str, path: str) -> None:
    body: dict[str, object] | None = {} if method == "PATCH" else None
    answer = await service.client.request(method, path.replace("{id}", NOBODY), json=body)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/adapter-not-found")
    answer = await service.client.request(method, path.replace("{id}", "no-uuid"), json=body)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
