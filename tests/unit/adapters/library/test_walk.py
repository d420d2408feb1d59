"""What is found below a folder, and what is refused unread."""

import os
from pathlib import Path

import pytest

from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.adapters.library.walk import walk
from lora_manager.domain.errors import FileMissing, FileNotReadable
from lora_manager.domain.scan import FoundFile, Refused
from tests.permissions import folder_for_anyone, unprivileged


def found_below(folder: Path, *roots: Path) -> list[str]:
    items = walk(str(folder), LibraryRoots([str(root) for root in roots or (folder,)]))
    return sorted(os.path.relpath(item.path, folder) for item in items if isinstance(item, FoundFile))


def refused_below(folder: Path, *roots: Path) -> dict[str, str]:
    items = walk(str(folder), LibraryRoots([str(root) for root in roots or (folder,)]))
    return {os.path.relpath(item.path, folder): item.reason for item in items if isinstance(item, Refused)}


def test_safetensors_files_are_found_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    for name in ("ink.safetensors", "a/wash.SAFETENSORS", "a/b/c/fog.sft", "a/.hidden.safetensors"):
        (tmp_path / name).touch()
    assert found_below(tmp_path) == ["a/.hidden.safetensors", "a/b/c/fog.sft", "a/wash.SAFETENSORS", "ink.safetensors"]
    assert refused_below(tmp_path) == {}


def test_a_found_file_carries_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "ink.safetensors"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert list(walk(str(tmp_path), LibraryRoots([str(tmp_path)]))) == [
        FoundFile(str(path), 5, 1_700_000_000_123_456_789)
    ]


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("readme.txt", "ink.safetensors.part", "ink.preview.png", "safetensors", ".safetensors"):
        (tmp_path / name).touch()
    assert found_below(tmp_path) == []
    assert refused_below(tmp_path) == {}


@pytest.mark.parametrize("name", ["a.pt", "a.PT", "a.ckpt", "a.bin", "a.pth", "a.pkl", "a.pt2"])
def test_a_pickle_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "pickle" in refused_below(tmp_path)[name]


def test_a_gguf_file_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").touch()
    assert "GGUF" in refused_below(tmp_path)["a.gguf"]


def test_a_folder_named_like_a_file_is_entered(tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").mkdir()
    (tmp_path / "ink.safetensors" / "wash.safetensors").touch()
    (tmp_path / "old.pt").mkdir()
    assert found_below(tmp_path) == ["ink.safetensors/wash.safetensors"]
    assert refused_below(tmp_path) == {}


def test_a_pipe_is_refused_without_being_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    assert refused_below(tmp_path) == {"pipe.safetensors": "not a regular file"}


def test_a_name_that_is_not_utf8_is_refused_in_printable_words(tmp_path: Path) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/ink\xff.safetensors")).touch()
    assert refused_below(tmp_path) == {r"ink\xff.safetensors": "its name is not valid UTF-8; rename it"}


def test_a_linked_folder_is_entered_where_it_leads_inside_a_root(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (second / "ink.safetensors").touch()
    (first / "linked").symlink_to(second)
    assert found_below(first, first, second) == ["linked/ink.safetensors"]


def test_a_linked_folder_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "ink.safetensors").touch()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "linked").symlink_to(tmp_path / "outside")
    assert found_below(tmp_path / "library") == []
    assert f"add {tmp_path}/outside to LIBRARY_ROOTS" in refused_below(tmp_path / "library")["linked"]


def test_a_linked_file_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").touch()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "ink.safetensors").symlink_to(tmp_path / "ink.safetensors")
    assert found_below(tmp_path / "library") == []
    assert "outside the library roots" in refused_below(tmp_path / "library")["ink.safetensors"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ink.safetensors").touch()
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    assert found_below(tmp_path) == ["a/ink.safetensors"]


def test_a_folder_is_entered_by_its_own_path_rather_than_by_a_link(tmp_path: Path) -> None:
    for link in ("a", "zz"):
        (tmp_path / link).symlink_to(tmp_path / "m" / "deep")
    (tmp_path / "m" / "deep").mkdir(parents=True)
    (tmp_path / "m" / "deep" / "ink.safetensors").touch()
    assert found_below(tmp_path) == ["m/deep/ink.safetensors"]


def test_a_link_that_leads_nowhere_and_one_to_itself_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    assert refused_below(tmp_path) == {
        "gone.safetensors": "a link that leads nowhere",
        "loop.safetensors": "a link that leads in a circle",
    }


def test_an_unreadable_folder_is_refused_and_the_rest_goes_on() -> None:
    with folder_for_anyone() as folder:
        (folder / "ink.safetensors").touch()
        (folder / "private").mkdir(mode=0o000)
        with unprivileged():
            assert found_below(folder) == ["ink.safetensors"]
            assert refused_below(folder) == {"private": "permission denied; let the user that runs the service read it"}


def test_the_folder_itself_must_be_readable() -> None:
    with folder_for_anyone() as folder:
        (folder / "private").mkdir(mode=0o000)
        with unprivileged(), pytest.raises(FileNotReadable, match="permission denied"):
            list(walk(str(folder / "private"), LibraryRoots([str(folder)])))


def test_the_folder_itself_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        list(walk(str(tmp_path / "nothing"), LibraryRoots([str(tmp_path)])))
