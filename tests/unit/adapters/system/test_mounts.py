"""Which file systems other machines may write to."""

import os
from pathlib import Path

import pytest

from lora_manager.adapters.system.mounts import remote_file_system_of


def a_table(folder: Path, kind: str) -> str:
    """A table of mounts in which the folder lies on a file system of this kind."""
    device = os.stat(folder).st_dev
    here = f"{os.major(device)}:{os.minor(device)}"
    table = folder / "mountinfo"
    table.write_text(
        f"21 1 0:999 / / rw,relatime shared:1 - nfs4 server:/ rw\n"
        f"36 21 {here} / {folder} rw,noatime master:1 - {kind} source rw,errors=continue\n"
    )
    return str(table)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_is_told_by_its_kind(tmp_path: Path, kind: str) -> None:
    assert remote_file_system_of(str(tmp_path), a_table(tmp_path, kind)) == kind


@pytest.mark.parametrize("kind", ["ext4", "overlay", "tmpfs", "fuse.unknown"])
def test_a_local_file_system_is_not_told(tmp_path: Path, kind: str) -> None:
    assert remote_file_system_of(str(tmp_path), a_table(tmp_path, kind)) is None


def test_a_system_without_such_a_table_does_not_tell(tmp_path: Path) -> None:
    assert remote_file_system_of(str(tmp_path), str(tmp_path / "nowhere")) is None


def test_the_table_of_this_machine_can_be_read(tmp_path: Path) -> None:
    assert remote_file_system_of(str(tmp_path)) is None


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        remote_file_system_of(str(tmp_path / "gone"))
