"""Folders that are held open."""

import errno
import os
from pathlib import Path

import pytest

from lora_manager.adapters.system import held_folder
from lora_manager.adapters.system.held_folder import LinkInTheWay, hold
from tests.permissions import folder_for_anyone, unprivileged


@pytest.fixture(params=[True, False], ids=["held", "by path"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system can hold folders: it is made to seem that it cannot, as Windows."""
    is_held: bool = request.param
    monkeypatch.setattr(held_folder, "CAN_HOLD", is_held)
    return is_held


@pytest.mark.usefixtures("each_way")
def test_files_are_made_listed_looked_at_moved_and_removed(tmp_path: Path) -> None:
    with hold(str(tmp_path), ["a", "b"], make=True) as folder, hold(str(tmp_path)) as other:
        with folder.make("ink") as file:
            file.write(b"ink")
        assert (tmp_path / "a" / "b" / "ink").read_bytes() == b"ink"
        assert folder.status("ink").st_size == 3
        assert (folder.has("ink"), folder.has("wash")) == (True, False)
        with folder.entries() as entries:
            assert [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries] == [("ink", True)]
        folder.link("ink", other, "twin")
        folder.move("ink", other, "moved")
        folder.sync()
        descriptor = other.open("twin", os.O_RDONLY)
        assert os.read(descriptor, 10) == b"ink"
        os.close(descriptor)
        other.remove("twin")
    assert sorted(os.listdir(tmp_path)) == ["a", "moved"]


@pytest.mark.usefixtures("each_way")
def test_what_is_missing_or_no_folder_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError), hold(str(tmp_path), ["nothing", "at all"]) as folder:
        folder.status("ink")
    with pytest.raises(NotADirectoryError), hold(str(tmp_path), ["file"]) as folder:
        folder.status("ink")


def test_no_link_is_gone_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "ink").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "link").symlink_to(tmp_path / "real" / "ink")
    for root, parts in ((tmp_path, ["link"]), (tmp_path / "link", []), (tmp_path, ["real", "link"])):
        with pytest.raises(LinkInTheWay) as refusal:
            hold(str(root), parts)
        assert refusal.value.errno == errno.ELOOP
    with hold(str(tmp_path / "link"), root_may_be_link=True) as folder:
        assert folder.has("ink")
        with pytest.raises(LinkInTheWay):
            folder.open("link", os.O_RDONLY)


def test_what_was_opened_stays_the_folder_whatever_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with hold(str(tmp_path), ["a"]) as folder:
        os.rename(tmp_path / "a", tmp_path / "c")
        (tmp_path / "a").symlink_to(tmp_path / "b")
        folder.make("ink").close()
        assert os.path.samestat(folder.own_status(), (tmp_path / "c").stat())
    assert (os.listdir(tmp_path / "b"), os.listdir(tmp_path / "c")) == ([], ["ink"])


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="this system opens no folder that it may not list")
def test_a_folder_that_may_be_entered_but_not_listed_is_gone_through() -> None:
    with folder_for_anyone() as anyones:
        (anyones / "a" / "b").mkdir(parents=True)
        (anyones / "a").chmod(0o311)
        with unprivileged(), hold(str(anyones), ["a", "b"]) as folder:
            assert not folder.has("ink")
        (anyones / "a").chmod(0o755)


def test_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    before = len(os.listdir("/dev/fd"))
    for parts in (["a"], ["link"], ["a", "nothing"], ["a", "made"]):
        try:
            with hold(str(tmp_path), parts, make=parts[-1] == "made") as folder, folder.entries() as entries:
                list(entries)
        except OSError:
            continue
    assert len(os.listdir("/dev/fd")) == before
