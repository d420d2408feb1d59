"""Paths that lead outside the library, or try to, through the service."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.http.service import Service
from tests.library import lora_bytes, write_lora
from tests.outside import SECRET, SECRET_LORA, at_call

LONG = ["i" * 300 + ".safetensors", "墨" * 100 + ".safetensors", "/".join(["i" * 250] * 17) + "/ink.safetensors"]


@pytest.fixture
def outside(library: Path) -> Path:
    """A folder beside the library with a LoRA in it that nobody may see, its sidecar and its preview."""
    folder = library.parent / "outside"
    write_lora(folder / "ink.safetensors", SECRET)
    (folder / "ink.png").write_text(SECRET)
    (folder / "ink.json").write_text(json.dumps({"notes": SECRET, "activation text": SECRET}))
    return folder


async def register(service: Service, path: str, name: str = "ink") -> httpx.Response:
    return await service.client.post("/adapters", json={"name": name, "file_path": path})


async def scan(service: Service, root: str) -> dict[str, Any] | None:
    """The scan of a folder once it is done; None where it is refused at once, which is a 400 then."""
    started = await service.client.post("/library/scans", json={"root": root})
    if started.status_code == 400:
        assert SECRET not in started.text
        return None
    assert started.status_code == 202, started.text
    while True:
        answer = await service.client.get(started.headers["location"])
        told: dict[str, Any] = answer.json()["scan"]
        if told["state"] != "running":
            assert SECRET not in answer.text
            return told
        await asyncio.sleep(0)


async def everything(service: Service) -> str:
    """All that the service tells of all adapters: their fields, documents, files and previews."""
    listed = await service.client.get("/adapters")
    told = [listed.text]
    for adapter in listed.json()["items"]:
        parts = [f"/adapters/{adapter['id']}{part}" for part in ("", "/file", "/preview", "/metadata")]
        told += [(await service.client.get(part)).text for part in parts]
    return "\n".join(told)


@pytest.mark.parametrize("name", LONG)
async def test_a_path_that_is_too_long_is_told_to_be(service: Service, name: str) -> None:
    path = f"{service.library}/{name}"
    answer = await register(service, path)
    assert (answer.status_code, [x["name"] for x in answer.json()["invalid_params"]]) == (400, ["file_path"])
    answer = await service.client.post("/library/scans", json={"root": path})
    assert (answer.status_code, [x["name"] for x in answer.json()["invalid_params"]]) == (400, ["root"])


async def test_a_root_of_a_million_folders_is_refused_at_once(service: Service) -> None:
    answer = await service.client.post("/library/scans", json={"root": f"{service.library}{'/a' * 1_000_000}"})
    assert answer.status_code == 400
    assert len(answer.text) < 2_000


@pytest.mark.parametrize("name", ["i" * 250 + ".safetensors", "i" * 2_000 + ".safetensors", "墨" * 90 + ".sft"])
async def test_a_name_that_is_too_long_is_not_taken_in(service: Service, name: str) -> None:
    answer = await service.client.post("/uploads", params={"filename": name}, content=lora_bytes("ink"))
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    "name",
    [
        "../ink.safetensors", "..%2Fink.safetensors/../../a.sft", "/tmp/ink.safetensors", "a/../../ink.safetensors",
        "..\\ink.safetensors", "C:\\ink.safetensors", "\\\\server\\share\\ink.safetensors", ".drafts/ink.safetensors",
        "ink.safetensors\x00.safetensors", "ink\r\n.safetensors", "ink.safetensors/", "ink.safetensors ",
        "ink.safetensors.", "..", ".safetensors", "\x7f.safetensors",
    ],
)  # fmt: skip
async def test_an_upload_gets_no_place_but_its_own(service: Service, name: str) -> None:
    before = sorted(service.library.parent.rglob("*"))
    answer = await service.client.post("/uploads", params={"filename": name}, content=lora_bytes("ink"))
    assert answer.status_code == 400, answer.text
    assert sorted(service.library.parent.rglob("*")) == before


async def test_an_upload_whose_name_is_no_text_is_refused(service: Service) -> None:
    for name in ("%FF.safetensors", "%ED%A0%80.safetensors"):
        answer = await service.client.post(f"/uploads?filename={name}", content=lora_bytes("ink"))
        assert answer.status_code == 400, answer.text


async def test_an_upload_is_a_name_however_it_looks(service: Service) -> None:
    for name in ("%2e%2e%2fink.safetensors", "-rf.sft", "$(id).safetensors", "a'b.sft", "墨.safetensors"):
        answer = await service.client.post("/uploads", params={"filename": name}, content=lora_bytes(name))
        assert answer.status_code == 201, answer.text
        assert os.path.basename(answer.json()["file_path"]) == name


async def test_uploads_do_not_follow_a_link_in_the_place_of_their_drafts(service: Service, outside: Path) -> None:
    await service.client.post("/uploads", params={"filename": "a.sft"}, content=lora_bytes("a"))
    drafts = next(service.library.parent.rglob(".drafts"))
    drafts.rename(drafts.parent / "aside")
    drafts.symlink_to(outside)
    before = sorted(os.listdir(outside))
    answer = await service.client.post("/uploads", params={"filename": "b.sft"}, content=lora_bytes("b"))
    assert answer.status_code == 503
    assert sorted(os.listdir(outside)) == before


@pytest.mark.parametrize("written", ["{outside}", "{outside}/nothing", "{outside}/ink.png", "{root}/../outside"])
async def test_whether_anything_is_outside_is_not_told(service: Service, outside: Path, written: str) -> None:
    named = written.replace("{root}/../outside", "{outside}").format(outside=outside)
    path = written.format(outside=outside, root=service.library)
    answer = await service.client.post("/library/scans", json={"root": path})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/outside-library")
    assert f"add {named} to LIBRARY_ROOTS" in answer.json()["detail"]


async def test_trees_with_odd_names_are_scanned_to_their_end(service: Service, outside: Path) -> None:
    library = service.library
    service.file("ink")
    deep = library
    for _ in range(15):  # as deep as mkdir by a path still goes
        deep /= "i" * 240
    deep.mkdir(parents=True)
    write_lora(deep / ("i" * 200 + ".safetensors"), "deep")
    here = os.open(deep, os.O_RDONLY)
    for _ in range(3):  # and then deeper than any path can tell
        os.mkdir("j" * 240, dir_fd=here)
        below = os.open("j" * 240, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("far.safetensors", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(file, lora_bytes("far"))
    os.close(file)
    os.close(here)
    for name, target in (("out", outside), ("me", library / "me"), ("up", library), ("proc", Path("/proc/self"))):
        (library / name).symlink_to(target)
    (library / "zero.safetensors").symlink_to("/dev/zero")
    os.mkfifo(library / "pipe.safetensors")
    told = await scan(service, str(library))
    assert told is not None
    assert told["state"] == "succeeded", told["detail"]
    assert [x["name"] for x in told["added"]] == ["i" * 200, "ink"]
    rejected = {os.path.basename(x["path"]) for x in told["rejected"]}
    assert {"out", "proc", "zero.safetensors", "pipe.safetensors"} <= rejected
    assert any("longer than the file system allows" in x["reason"] for x in told["rejected"])


async def test_a_registered_file_that_becomes_a_link_is_gone(service: Service, outside: Path) -> None:
    folder = write_lora(service.library / "style" / "ink.safetensors", "ink").parent
    adapter = (await register(service, f"{folder}/ink.safetensors")).json()["adapter"]
    folder.rename(service.library / "aside")
    folder.symlink_to(outside)
    assert (await service.client.get(f"/adapters/{adapter['id']}/file")).status_code == 404
    assert (await service.client.get(f"/adapters/{adapter['id']}/preview")).status_code == 404
    verified = await service.client.post(f"/adapters/{adapter['id']}/verify")
    assert verified.json()["adapter"]["file"]["state"] == "unreadable"
    assert SECRET not in await everything(service)


@pytest.mark.parametrize("call", range(8))
async def test_a_folder_that_becomes_a_link_in_the_middle_of_a_request_tells_nothing(
    service: Service, outside: Path, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_lora(service.library / "style" / "ink.safetensors", "ink").parent
    adapter = (await register(service, f"{folder}/ink.safetensors")).json()["adapter"]
    (folder / "ink.png").write_text("a picture")

    def swap() -> None:
        folder.rename(service.library / "aside")
        folder.symlink_to(outside)

    reached = 0
    for part in ("file", "preview"):
        with at_call(call, swap, monkeypatch) as calls:
            answer = await service.client.get(f"/adapters/{adapter['id']}/{part}")
        assert SECRET.encode() not in answer.content
        assert answer.headers["content-length"] not in {str(len(SECRET)), str(len(SECRET_LORA))}
        if len(calls) > call:
            reached += 1
            folder.unlink()
            (service.library / "aside").rename(folder)
    assert reached or call > 4


PARTS = (
    "..",
    ".",
    "",
    "style",
    "ink.safetensors",
    "ink.png",
    "out",
    "loop",
    "outside",
    "%2e%2e",
    "library",
    "self",
    "fd",
)
ROOTS = ("{library}", "{library}/style", "{library}/..", "", "/", "//", "/proc", "/dev", "s3://bucket", "C:\\")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=st.sampled_from(ROOTS), parts=st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=6))
@example(root="{library}", parts=["..", "outside", "ink.safetensors"])
@example(root="{library}", parts=["out", "ink.safetensors"])
@example(root="{library}", parts=["\ud800"])
async def test_no_path_at_all_leads_outside(service: Service, outside: Path, root: str, parts: list[str]) -> None:
    for link, target in (("out", outside), ("loop", service.library / "loop")):
        if not (service.library / link).is_symlink():
            (service.library / link).symlink_to(target)
    path = "/".join([root.format(library=service.library), *parts])
    body = json.dumps({"name": "n", "file_path": path})
    answer = await service.client.post("/adapters", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {201, 400, 409}, answer.text
    assert SECRET not in answer.text
    body = json.dumps({"root": path})
    answer = await service.client.post("/library/scans", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in {202, 400}, answer.text
    assert SECRET not in answer.text
    assert SECRET not in await everything(service)
