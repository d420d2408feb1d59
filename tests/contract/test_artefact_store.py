import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest

from lora_manager.adapters.blobs.artefacts import BlobArtefactStore
from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.ports.artefacts import ArtefactStore
from tests.contract.blob_stores import s3_store
from tests.contract.s3_server import S3Server

ONE = UUID("01900000-0000-7000-8000-000000000001")
OTHER = UUID("01900000-0000-7000-8000-000000000002")

Kept = tuple[ArtefactStore, Callable[[str], bytes]]


@pytest.fixture(params=("memory", "local", "s3"))
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    """A store, and how to read what it keeps."""
    if request.param == "memory":
        memory = MemoryBlobStore()
        yield BlobArtefactStore(memory), lambda uri: memory.contents[uri]
    elif request.param == "local":
        yield BlobArtefactStore(LocalBlobStore(str(tmp_path / "artefacts"))), _read
    else:
        server: S3Server = request.getfixturevalue("s3_server")
        async with s3_store(server) as (store, bucket):
            yield BlobArtefactStore(store), lambda uri: server.content(bucket, uri.removeprefix(f"s3://{bucket}/"))


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
