"""What is found below a folder, and what is refused unread."""

import os
from pathlib import Path

import pytest

from lora_manager.adapters.library.roots import LibraryRoots
from lora_manager.adapters.library.walk import companions_beside, walk
from lora_manager.domain.errors import FileMissing, FileNotReadable
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Listing
from tests.permissions import folder_for_anyone, unprivileged


def below(folder: Path, *roots: Path) -> Listing:
    return walk(str(folder), LibraryRoots([str(root) for root in roots or (folder,)]))


def found_below(folder: Path, *roots: Path) -> list[str]:
    return [os.path.relpath(file.path, folder) for file in below(folder, *roots).files]


def refused_below(folder: Path, *roots: Path) -> dict[str, str]:
    return {os.path.relpath(item.path, folder): item.reason for item in below(folder, *roots).refused}


def companions_below(folder: Path, *roots: Path) -> dict[str, list[str]]:
    return {
        os.path.relpath(path, folder): [os.path.relpath(companion, folder) for companion in companions]
        for path, companions in below(folder, *roots).companions.items()
    }


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
    assert below(tmp_path) == Listing([FoundFile(str(path), 5, 1_700_000_000_123_456_789)], [], {})


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
            below(folder / "private", folder)


def test_the_folder_itself_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        below(tmp_path / "nothing", tmp_path)


def test_companions_are_found_beside_their_file_whatever_their_suffix_is_written_like(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in (
        "ink.safetensors", "ink.PNG", "ink.metadata.json", "ink.txt", "ink2.png", "INK.json",
        "deep/wash.SFT", "deep/wash.Preview.jpg", "deep/ink.png", "deep/.png",
    ):  # fmt: skip
        (tmp_path / name).touch()
    assert companions_below(tmp_path) == {
        "ink.safetensors": ["ink.metadata.json", "ink.PNG"],
        "deep/wash.SFT": ["deep/wash.Preview.jpg"],
    }


def test_a_companion_belongs_to_every_file_of_its_stem_and_to_no_longer_stem(tmp_path: Path) -> None:
    for name in ("ink.safetensors", "ink.sft", "ink.preview.safetensors", "ink.preview.png"):
        (tmp_path / name).touch()
    assert companions_below(tmp_path) == {"ink.safetensors": ["ink.preview.png"], "ink.sft": ["ink.preview.png"]}


def test_a_linked_companion_counts_where_it_leads_to_a_file_inside_a_root(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (library / "folder.png").mkdir(parents=True)
    for name in ("ink.safetensors", "picture", "../secret"):
        (library / name).touch()
    for suffix, target in {
        ".png": library / "picture",
        ".json": tmp_path / "secret",
        ".jpg": library / "nothing",
        ".webp": library / "folder.png",
    }.items():
        (library / f"ink{suffix}").symlink_to(target)
    assert companions_below(library) == {"ink.safetensors": ["ink.png"]}


def test_what_is_no_regular_file_or_has_no_readable_name_is_no_companion(tmp_path: Path) -> None:
    (tmp_path / "ink.safetensors").touch()
    os.mkfifo(tmp_path / "ink.png")
    (tmp_path / "ink.json").mkdir()
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.png")).touch()
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.safetensors")).touch()
    assert companions_below(tmp_path) == {}


@pytest.mark.parametrize("name", ["ink.safetensors", "gone.safetensors", "missing/ink.safetensors", "ink"])
def test_the_companions_of_one_file_are_those_that_the_walk_finds(tmp_path: Path, name: str) -> None:
    for file_name in ("ink.safetensors", "ink.json", "ink.png", "inkwash.png", "gone.PNG"):
        (tmp_path / file_name).touch()
    expected = {"ink": ["ink.json", "ink.png"], "gone": ["gone.PNG"]}.get(os.path.splitext(name)[0], [])
    found = companions_beside(str(tmp_path / name), LibraryRoots([str(tmp_path)]))
    assert [os.path.relpath(path, tmp_path) for path in found] == expected


def test_a_file_linked_to_from_a_folder_outside_has_no_companions_there(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "ink.safetensors").touch()
    (tmp_path / "ink.safetensors").symlink_to(library / "ink.safetensors")
    (tmp_path / "ink.png").touch()
    assert companions_beside(str(tmp_path / "ink.safetensors"), LibraryRoots([str(library)])) == ()


def test_the_companions_of_a_file_in_an_unreadable_folder_are_not_told() -> None:
    with folder_for_anyone() as folder:
        (folder / "private").mkdir(mode=0o000)
        with unprivileged(), pytest.raises(FileNotReadable, match="permission denied"):
            companions_beside(str(folder / "private" / "ink.safetensors"), LibraryRoots([str(folder)]))
