import asyncio
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from lora_manager.adapters.blobs.artefacts import LocalArtefactStore
from lora_manager.adapters.memory.artefacts import MemoryArtefactStore
from lora_manager.domain.errors import Unavailable
from lora_manager.ports.artefacts import ArtefactStore
from tests.permissions import folder_for_anyone, unprivileged

ONE = UUID("01900000-0000-7000-8000-000000000001")
OTHER = UUID("01900000-0000-7000-8000-000000000002")

Kept = tuple[ArtefactStore, Callable[[str], bytes]]


@pytest.fixture(params=("memory", "local"))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """A store, and how to read what it keeps."""
    if request.param == "memory":
        memory = MemoryArtefactStore()
        return memory, memory.contents.__getitem__
    return LocalArtefactStore(str(tmp_path / "artefacts")), _read


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


@pytest.mark.parametrize("content", [b"", b"a prompt", bytes(range(256)) * 9_000])
async def test_what_was_put_is_kept_and_described(kept: Kept, content: bytes) -> None:
    store, read = kept

    artefact = await store.put(ONE, "image-1.png", content)

    assert artefact.name == "image-1.png"
    assert artefact.size_bytes == len(content)
    assert artefact.sha256 == hashlib.sha256(content).hexdigest()
    assert read(artefact.uri) == content


async def test_a_file_takes_the_place_of_one_of_the_same_name(kept: Kept) -> None:
    store, read = kept
    before = await store.put(ONE, "prompt.txt", b"before, and longer")

    after = await store.put(ONE, "prompt.txt", b"after")

    assert after.uri == before.uri
    assert read(after.uri) == b"after"


async def test_deliveries_and_names_keep_their_files_apart(kept: Kept) -> None:
    store, read = kept
    places = [(ONE, "a.png"), (ONE, "b.png"), (OTHER, "a.png")]
    contents = [f"{delivery} {name}".encode() for delivery, name in places]

    artefacts = [
        await store.put(delivery, name, content) for (delivery, name), content in zip(places, contents, strict=True)
    ]

    assert [read(artefact.uri) for artefact in artefacts] == contents


async def test_of_files_put_at_once_under_one_name_one_is_kept_whole(kept: Kept) -> None:
    store, read = kept
    contents = [bytes([number]) * 100_000 for number in range(8)]

    artefacts = await asyncio.gather(*(store.put(ONE, "a.png", content) for content in contents))

    assert read(artefacts[0].uri) in contents


async def test_a_relative_folder_gives_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    artefact = await LocalArtefactStore("artefacts").put(ONE, "a.png", b"a")

    assert artefact.uri == str(tmp_path / "artefacts" / str(ONE) / "a.png")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
async def test_a_disk_that_fails_is_unavailable_and_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    store = LocalArtefactStore(str(tmp_path))
    before = await store.put(ONE, "a.png", b"before")

    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unavailable, match=words) as caught:
        await store.put(ONE, "a.png", b"after")

    assert str(tmp_path) in str(caught.value)
    assert _read(before.uri) == b"before"
    assert os.listdir(tmp_path / str(ONE)) == ["a.png"]


async def test_a_folder_that_may_not_be_written_is_unavailable_and_named() -> None:
    with folder_for_anyone() as folder:
        closed = folder / "closed"
        closed.mkdir()
        closed.chmod(0o555)
        with unprivileged(), pytest.raises(Unavailable, match="DATA_DIR") as caught:
            await LocalArtefactStore(str(closed)).put(ONE, "a.png", b"a")

    assert str(closed) in str(caught.value)


async def test_a_file_in_the_place_of_the_folder_is_unavailable_and_named(tmp_path: Path) -> None:
    (tmp_path / "artefacts").write_bytes(b"")

    with pytest.raises(Unavailable, match="artefacts"):
        await LocalArtefactStore(str(tmp_path / "artefacts")).put(ONE, "a.png", b"a")
