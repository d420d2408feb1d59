"""Library roots, the data folder, and the disks that they are on."""

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from lora_manager.adapters.checks import disk_space
from lora_manager.adapters.checks.data_folder import DataFolder
from lora_manager.adapters.checks.disk_space import DiskSpace, Usage
from lora_manager.adapters.checks.folders import FolderNesting
from lora_manager.adapters.checks.library_root import LibraryRoot
from lora_manager.ports.diagnosis import Check, Diagnosis, Health
from tests.permissions import folder_for_anyone, unprivileged

GB = 10**9


async def only(check: Check) -> Diagnosis:
    """The one thing that it finds."""
    [found] = await check.look()
    return found


# A library root


async def test_a_root_is_told_with_the_lora_files_in_it(tmp_path: Path) -> None:
    for name in ("a.safetensors", "deep/er/b.SAFETENSORS", "c.ckpt", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = await only(LibraryRoot(str(tmp_path)))
    assert found == Diagnosis(f"library root {tmp_path}", Health.GOOD, "2 LoRA files")


async def test_a_root_that_is_a_link_is_told_with_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.safetensors").touch()
    (tmp_path / "link").symlink_to("real")
    assert (await only(LibraryRoot(f"{tmp_path}/link"))).finding == f"1 LoRA files, really {tmp_path}/real"


async def test_counting_ends_when_its_time_is_up(tmp_path: Path) -> None:
    for folder in "abc":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.safetensors").touch()
    found = await only(LibraryRoot(str(tmp_path), counting_s=3, clock=count().__next__))
    assert found.health is Health.GOOD
    assert found.finding == "more than 2 LoRA files"


async def test_an_empty_root_may_be_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    found = await only(LibraryRoot(str(tmp_path)))
    assert (found.health, found.finding) == (Health.DOUBTFUL, "0 LoRA files")
    assert "mounted" in str(found.advice)


async def test_a_root_that_is_not_there_is_bad(tmp_path: Path) -> None:
    found = await only(LibraryRoot(f"{tmp_path}/gone"))
    assert (found.health, found.finding) == (Health.BAD, "is not there")
    assert "LIBRARY_ROOTS" in str(found.advice)


async def test_a_root_that_leads_nowhere_or_is_a_file_is_bad(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "file").touch()
    assert (await only(LibraryRoot(f"{tmp_path}/link"))).finding == "is a link to gone, which is not there"
    below, file = await only(LibraryRoot(f"{tmp_path}/file/x")), await only(LibraryRoot(f"{tmp_path}/file"))
    assert (below.health, below.finding) == (Health.BAD, "cannot be reached: Not a directory")
    assert (file.health, file.finding) == (Health.BAD, "is no folder")


async def test_a_root_that_cannot_be_read_is_bad_and_a_folder_in_it_doubtful() -> None:
    with folder_for_anyone() as folder, unprivileged():
        (folder / "open").mkdir()
        (folder / "open" / "a.safetensors").touch()
        (folder / "closed").mkdir(mode=0)
        closed, above = await only(LibraryRoot(f"{folder}/closed")), await only(LibraryRoot(str(folder)))
    assert (closed.health, closed.finding) == (Health.BAD, "cannot be read: Permission denied")
    assert above.health is Health.DOUBTFUL
    assert above.finding == (
        f"1 LoRA files; 1 folders in it cannot be read, such as {folder}/closed (Permission denied)"
    )


# How folders lie to each other


@pytest.mark.parametrize(
    ("roots", "data_dir", "findings"),
    [
        (["a", "b"], "data", ["none lies inside another"]),
        (["a", "ab"], "a b", ["none lies inside another"]),
        ([], "data", ["none lies inside another"]),
        (["a", "a/b"], "data", ["the library root a/b lies inside the library root a"]),
        (["a/b", "a"], "data", ["the library root a/b lies inside the library root a"]),
        (["a", "link"], "data", ["the library root a lies inside the library root link"]),
        (["a"], "a/data", ["the data folder a/data lies inside the library root a"]),
        (["data/loras"], "data", ["the library root data/loras lies inside the data folder data"]),
        (["a"], "link", ["the data folder link lies inside the library root a"]),
    ],
)
async def test_folders_that_lie_inside_each_other_are_doubtful(
    tmp_path: Path, roots: Sequence[str], data_dir: str, findings: Sequence[str]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    found = await FolderNesting([f"{tmp_path}/{root}" for root in roots], f"{tmp_path}/{data_dir}").look()
    assert [one.finding.replace(f"{tmp_path}/", "") for one in found] == findings
    is_well = findings == ["none lies inside another"]
    assert {one.health for one in found} == {Health.GOOD if is_well else Health.DOUBTFUL}


# The data folder


async def test_a_data_folder_that_can_be_written_to_is_left_as_it_was(tmp_path: Path) -> None:
    found = await only(DataFolder(str(tmp_path)))
    assert (found.health, found.finding) == (Health.GOOD, f"{tmp_path} can be written to")
    assert os.listdir(tmp_path) == []


async def test_a_data_folder_that_can_be_made_is_not_made(tmp_path: Path) -> None:
    found = await only(DataFolder(f"{tmp_path}/not/yet"))
    assert found.health is Health.GOOD
    assert "is not there yet" in found.finding
    assert os.listdir(tmp_path) == []


async def test_a_data_folder_that_cannot_be_written_to_or_made_is_bad() -> None:
    with folder_for_anyone() as folder, unprivileged():
        (folder / "closed").mkdir(mode=0o555)
        (folder / "data" / "uploads").mkdir(parents=True)
        (folder / "data" / "uploads").chmod(0o555)
        (folder / "file").touch()
        closed = await only(DataFolder(f"{folder}/closed"))
        below = await only(DataFolder(f"{folder}/closed/data"))
        part = await only(DataFolder(f"{folder}/data", ["deliveries", "uploads"]))
        file = await only(DataFolder(f"{folder}/file"))
    assert closed.finding == f"{folder}/closed cannot be written to: Permission denied"
    assert below.finding.endswith(f"cannot be made in {folder}/closed: Permission denied")
    assert part.finding == f"{folder}/data/uploads cannot be written to: Permission denied"
    assert file.finding == f"{folder}/file cannot be written to: Not a directory"
    assert {one.health for one in (closed, below, part, file)} == {Health.BAD}
    assert all("DATA_DIR" in str(one.advice) for one in (closed, below, part, file))


# The disks


def having(free: float, size: float = 100 * GB) -> Usage:
    """Disks with so many bytes left."""
    return lambda _: (int(size), int(size - free), int(free))


@pytest.mark.parametrize(
    ("free", "size", "health"),
    [
        (50 * GB, 100 * GB, Health.GOOD),
        (5 * GB, 100 * GB, Health.GOOD),
        (4.9 * GB, 100 * GB, Health.DOUBTFUL),
        (2 * GB, 10 * GB, Health.GOOD),
        (1.9 * GB, 10 * GB, Health.DOUBTFUL),
        (0.1 * GB, 10 * GB, Health.DOUBTFUL),
        (0.099 * GB, 10 * GB, Health.BAD),
        (0, 0, Health.BAD),
    ],
)
async def test_a_disk_is_judged_by_what_is_left(tmp_path: Path, free: float, size: float, health: Health) -> None:
    found = await only(DiskSpace([str(tmp_path)], having(free, size)))
    assert found.health is health
    assert (found.advice is None) == (health is Health.GOOD)


async def test_a_disk_is_told_once_with_all_that_is_on_it(tmp_path: Path) -> None:
    folders = [f"{tmp_path}/{name}" for name in ("data", "loras/not/there", "data")]
    found = await only(DiskSpace(folders, having(12.34 * GB)))
    assert found.finding == f"12.3 GB of 100.0 GB (12%) are free at {folders[0]}, {folders[1]}"


async def test_what_is_left_of_the_disk_here_is_told(tmp_path: Path) -> None:
    found = await only(DiskSpace([str(tmp_path)]))
    assert str(tmp_path) in found.finding


async def test_a_disk_that_does_not_answer_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_space, "_MEASURING_S", 1)
    back = Event()
    lost = tmp_path / "lost"
    lost.mkdir()

    def usage(folder: str) -> tuple[int, int, int]:
        if folder == str(lost):
            back.wait()
        return having(50 * GB)(folder)

    try:
        first, second = await DiskSpace([str(tmp_path), str(lost)], usage).look()
    finally:
        back.set()
    assert (first.health, first.finding) == (Health.BAD, f"the disk of {lost} does not answer")
    assert second.health is Health.GOOD


async def test_a_disk_that_gives_an_error_is_bad(tmp_path: Path) -> None:
    def usage(_: str) -> tuple[int, int, int]:
        raise OSError(5, os.strerror(5))

    found = await only(DiskSpace([str(tmp_path)], usage))
    assert (found.health, found.finding) == (Health.BAD, f"the disk of {tmp_path} does not tell: Input/output error")
