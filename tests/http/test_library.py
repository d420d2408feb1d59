"""Tags, duplicates and scans."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

from tests.http.service import NOBODY, Service, wrong
from tests.library import write_lora


async def scanned(service: Service, **body: object) -> dict[str, Any]:
    """The scan that this body starts, once it is done."""
    started = await service.client.post("/library/scans", json=body)
    assert started.status_code == 202, started.text
    while True:
        answer = await service.client.get(started.headers["location"])
        scan: dict[str, Any] = answer.json()["scan"]
        if scan["state"] != "running":
            return scan
        await asyncio.sleep(0)


async def test_tags_are_counted_most_used_first(service: Service) -> None:
    await service.register("ink", tags=["b", "a"])
    await service.register("fog", tags=["b"])
    answer = await service.client.get("/adapters/tags")
    assert answer.json() == {"items": [{"tag": "b", "count": 2}, {"tag": "a", "count": 1}]}


async def test_duplicates_are_grouped_by_what_they_share(service: Service) -> None:
    path = service.file("ink", "the same")
    copy = service.file("copy", "the same")
    for name, file_path, version in (("ink", path, None), ("copy", copy, None), ("ink", copy, "v2")):
        body = {"name": name, "file_path": file_path, "version": version}
        assert (await service.client.post("/adapters", json=body)).status_code == 201
    groups = (await service.client.get("/adapters/duplicates")).json()["items"]
    assert [(group["by"], [x["name"] for x in group["adapters"]]) for group in groups] == [
        ("sha256", ["ink", "copy", "ink"]),
        ("name", ["ink", "ink"]),
    ]
    assert groups[0]["value"] == groups[0]["adapters"][0]["sha256"]
    assert groups[1]["value"] == "ink"


async def test_a_scan_reports_what_became_of_every_file(service: Service) -> None:
    library = service.library
    for name in ("stays", "moves", "changes", "vanishes"):
        service.file(name)
    assert [finding["name"] for finding in (await scanned(service))["added"]] == [
        "changes",
        "moves",
        "stays",
        "vanishes",
    ]
    shutil.move(library / "moves.safetensors", library / "moved.safetensors")
    write_lora(library / "changes.safetensors", "something else")
    (library / "vanishes.safetensors").unlink()
    service.file("copy", "content of stays")
    service.file("new")
    (library / "broken.safetensors").write_bytes(b"no header")
    (library / "old.pt").write_bytes(b"pickle")
    scan = await scanned(service)
    assert scan["state"] == "succeeded"
    stays = next(x for x in (await service.client.get("/adapters")).json()["items"] if x["name"] == "stays")
    assert scan["unchanged"] == [{"path": stays["file_path"], "id": stays["id"]}]
    assert [(x["name"], Path(x["previous_path"]).name) for x in scan["moved"]] == [("moves", "moves.safetensors")]
    assert [x["name"] for x in scan["changed"]] == ["changes"]
    assert [x["name"] for x in scan["missing"]] == ["vanishes"]
    assert [x["name"] for x in scan["added"]] == ["new"]
    assert [(Path(x["path"]).name, x["previous_path"]) for x in scan["duplicate"]] == [
        ("copy.safetensors", stays["file_path"])
    ]
    assert [Path(x["path"]).name for x in scan["rejected"]] == ["broken.safetensors", "old.pt"]
    assert all(x.keys() == {"path", "reason"} for x in scan["rejected"])


async def test_a_dry_run_reports_and_registers_nothing(service: Service) -> None:
    service.file("ink")
    scan = await scanned(service, dry_run=True)
    assert (scan["dry_run"], [finding["name"] for finding in scan["added"]]) == (True, ["ink"])
    assert await service.names() == []


async def test_a_scan_can_be_confined_to_a_folder(service: Service) -> None:
    service.file("ink")
    folder = write_lora(service.library / "style" / "fog.safetensors", "fog").parent
    scan = await scanned(service, root=str(folder))
    assert (scan["folders"], [finding["name"] for finding in scan["added"]]) == ([str(folder)], ["fog"])


async def test_a_scan_without_a_body_takes_the_whole_library(service: Service) -> None:
    answer = await service.client.post("/library/scans")
    scan = answer.json()["scan"]
    assert answer.status_code == 202
    assert (scan["state"], scan["folders"], scan["finished_at"]) == ("running", [str(service.library)], None)
    assert scan["progress"] == {"files_done": 0, "files_total": 0, "bytes_done": 0, "bytes_total": 0}


async def test_a_folder_that_cannot_be_scanned_is_refused(service: Service, tmp_path: Path) -> None:
    outside = await service.client.post("/library/scans", json={"root": str(tmp_path)})
    assert outside.json()["type"] == "/problems/outside-library"
    assert list(wrong(outside)) == ["root"]
    for root in ("relative/folder", "\0", ""):
        assert list(wrong(await service.client.post("/library/scans", json={"root": root}))) == ["root"]
    assert list(wrong(await service.client.post("/library/scans", json={"root": 1, "dry_run": "yes"}))) == [
        "root",
        "dry_run",
    ]


async def test_a_folder_that_is_not_there_fails_the_scan_and_says_so(service: Service) -> None:
    scan = await scanned(service, root=str(service.library / "nowhere"))
    assert scan["state"] == "failed"
    assert "nowhere" in scan["detail"]


async def test_a_scan_that_nobody_started_is_not_found(service: Service) -> None:
    answer = await service.client.get(f"/library/scans/{NOBODY}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/scan-not-found")


async def test_a_file_whose_name_is_no_text_is_reported(service: Service) -> None:
    name = os.fsdecode(b"ink-\xff.safetensors")
    write_lora(service.library / name, "ink")
    scan = await scanned(service)
    assert scan["state"] == "succeeded"
    assert [finding["path"] for finding in scan["rejected"]] == [str(service.library / r"ink-\xff.safetensors")]
