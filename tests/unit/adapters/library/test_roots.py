"""Which paths lie inside the library."""

import os
from pathlib import Path

import pytest

from lora_manager.adapters.library.roots import LibraryRoots, printable
from lora_manager.domain.errors import InvalidFile, OutsideLibrary


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    (root / "style").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return root


@pytest.fixture
def roots(library: Path) -> LibraryRoots:
    return LibraryRoots([str(library)])


@pytest.mark.parametrize(
    ("written", "located"),
    [
        ("{root}/style/ink.safetensors", "{root}/style/ink.safetensors"),
        ("{root}//style/./ink.safetensors", "{root}/style/ink.safetensors"),
        ("{root}/style/", "{root}/style"),
        ("{root}/style/../ink.safetensors", "{root}/ink.safetensors"),
        ("{root}/missing/ink.safetensors", "{root}/missing/ink.safetensors"),
        ("/{root}/ink.safetensors", "{root}/ink.safetensors"),
        ("{root}", "{root}"),
    ],
)
def test_a_path_inside_is_located_in_one_spelling(
    roots: LibraryRoots, library: Path, written: str, located: str
) -> None:
    assert roots.locate(written.format(root=library)) == located.format(root=library)


@pytest.mark.parametrize(
    "written",
    [
        "{root}/../elsewhere/ink.safetensors",
        "{root}/style/../../elsewhere",
        "{root}-not/ink.safetensors",
        "{root}/..",
        "/etc/passwd",
        "/",
    ],
)
def test_a_path_outside_is_refused(roots: LibraryRoots, library: Path, written: str) -> None:
    with pytest.raises(OutsideLibrary):
        roots.locate(written.format(root=library))


@pytest.mark.parametrize("written", ["ink.safetensors", "./ink.safetensors", "", "~/ink.safetensors"])
def test_a_relative_path_is_refused(roots: LibraryRoots, written: str) -> None:
    with pytest.raises(InvalidFile, match="must be absolute"):
        roots.locate(written)


def test_a_path_with_nul_is_refused(roots: LibraryRoots, library: Path) -> None:
    with pytest.raises(InvalidFile, match="NUL"):
        roots.locate(f"{library}/ink\x00.safetensors")


def test_a_path_that_is_not_utf8_is_refused_in_printable_words(roots: LibraryRoots, library: Path) -> None:
    with pytest.raises(InvalidFile, match=r"ink\\xff") as refusal:
        roots.locate(os.fsdecode(bytes(library) + b"/ink\xff.safetensors"))
    str(refusal.value).encode()


def test_a_link_that_stays_inside_keeps_its_own_path(roots: LibraryRoots, library: Path) -> None:
    (library / "linked").symlink_to(library / "style")
    assert roots.locate(f"{library}/linked/ink.safetensors") == f"{library}/linked/ink.safetensors"


def test_a_link_that_leads_outside_is_refused_with_the_root_to_add(
    roots: LibraryRoots, library: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "ink.safetensors").touch()
    (library / "ink.safetensors").symlink_to(tmp_path / "elsewhere" / "ink.safetensors")
    with pytest.raises(OutsideLibrary) as refusal:
        roots.locate(f"{library}/ink.safetensors")
    assert refusal.value.root_to_add == f"{tmp_path}/elsewhere"
    assert f"add {tmp_path}/elsewhere to LIBRARY_ROOTS" in str(refusal.value)


def test_dots_after_a_link_mean_the_parent_of_its_target(roots: LibraryRoots, library: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir()
    (library / "linked").symlink_to(tmp_path / "elsewhere" / "deep")
    with pytest.raises(OutsideLibrary):
        roots.locate(f"{library}/linked/../style/ink.safetensors")


def test_dots_after_a_link_are_followed_to_where_the_system_would_go(roots: LibraryRoots, library: Path) -> None:
    (library / "style" / "ink").mkdir()
    (library / "linked").symlink_to(library / "style" / "ink")
    assert roots.locate(f"{library}/linked/../wash.safetensors") == f"{library}/style/wash.safetensors"


def test_a_linked_root_admits_its_own_path_and_its_targets(library: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(library)
    roots = LibraryRoots([str(tmp_path / "alias")])
    assert roots.locate(f"{tmp_path}/alias/ink.safetensors") == f"{tmp_path}/alias/ink.safetensors"
    assert roots.locate(f"{library}/ink.safetensors") == f"{library}/ink.safetensors"


def test_the_whole_file_system_can_be_a_root(library: Path) -> None:
    assert LibraryRoots(["/"]).locate(f"{library}/ink.safetensors") == f"{library}/ink.safetensors"


def test_without_roots_nothing_is_inside(library: Path) -> None:
    with pytest.raises(OutsideLibrary, match="none"):
        LibraryRoots([]).locate(str(library))


def test_relative_roots_count_from_the_working_directory(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(library)
    assert LibraryRoots(["style", "//style"]).paths == (f"{library}/style", "/style")


def test_a_printable_path_is_itself_unless_bytes_are_not_utf8() -> None:
    assert printable("/loras/墨 ink.safetensors") == "/loras/墨 ink.safetensors"
    assert printable(os.fsdecode(b"/loras/\xff\xfe")) == r"/loras/\xff\xfe"
