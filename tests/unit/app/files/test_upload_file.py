"""Taking in files: what is a LoRA is stored once, what is none leaves nothing behind."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import ParamSpec, TypeVar

import pytest

from lora_manager.adapters.memory.blobs import MemoryBlobStore
from lora_manager.app.files.upload_file import FileNameTaken, Upload, UploadFile
from lora_manager.domain.blob import InvalidKey
from lora_manager.domain.errors import InvalidFields, InvalidFile
from lora_manager.domain.file import InvalidSafetensors
from tests.library import lora_bytes
from tests.unit.domain.file.building import wrap

P = ParamSpec("P")
T = TypeVar("T")
INK, OIL = lora_bytes("ink"), lora_bytes("oil")
NAME = "ink.safetensors"


@pytest.fixture
def store() -> MemoryBlobStore:
    return MemoryBlobStore()


async def in_chunks(raw: bytes, size: int = 100) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


async def upload(store: MemoryBlobStore, raw: bytes, name: str = NAME) -> Upload:
    return await UploadFile(store)(name, in_chunks(raw), len(raw))


async def stored(store: MemoryBlobStore) -> dict[str, bytes]:
    """What is in the store, by key."""
    keys = [blob.key async for blob in store.list()]
    return {key: b"".join([chunk async for chunk in store.read(key)]) for key in keys}


async def test_a_lora_is_stored_and_told_apart(store: MemoryBlobStore) -> None:
    told = await upload(store, INK)
    assert await stored(store) == {NAME: INK}
    assert told.file_path == f"{store.root}{NAME}"
    assert told.inspected.size_bytes == len(INK)
    assert told.inspected.hashes.sha256 == hashlib.sha256(INK).hexdigest()
    assert told.inspected.network.kind == "lora"


async def test_sending_it_again_gives_the_same_answer(store: MemoryBlobStore) -> None:
    assert await upload(store, INK) == await upload(store, INK)
    assert await stored(store) == {NAME: INK}


@pytest.mark.parametrize("other", [OIL, lora_bytes("a longer one")], ids=["same length", "other length"])
async def test_another_file_does_not_take_its_name(store: MemoryBlobStore, other: bytes) -> None:
    await upload(store, INK)
    with pytest.raises(FileNameTaken, match=NAME):
        await upload(store, other)
    assert await stored(store) == {NAME: INK}


async def test_of_two_files_sent_under_one_name_at_once_one_is_stored(store: MemoryBlobStore) -> None:
    outcomes = await asyncio.gather(upload(store, INK), upload(store, OIL), return_exceptions=True)
    assert sum(isinstance(outcome, FileNameTaken) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Upload) for outcome in outcomes) == 1
    assert list((await stored(store)).values()) in ([INK], [OIL])


async def test_the_same_file_sent_twice_at_once_is_stored_once(store: MemoryBlobStore) -> None:
    one, other = await asyncio.gather(upload(store, INK), upload(store, INK))
    assert one == other
    assert await stored(store) == {NAME: INK}


NOT_LORAS: Sequence[tuple[str, bytes]] = [
    ("no safetensors", b"\x89PNG" + bytes(500)),
    ("cut off", INK[:-1]),
    ("empty", b""),
    ("only a length", INK[:8]),
]


@pytest.mark.parametrize("raw", [raw for _, raw in NOT_LORAS], ids=[name for name, _ in NOT_LORAS])
async def test_what_is_no_lora_leaves_nothing(store: MemoryBlobStore, raw: bytes) -> None:
    with pytest.raises(InvalidSafetensors):
        await upload(store, raw)
    assert await stored(store) == {}


async def test_what_is_no_lora_is_refused_before_it_has_come_to_its_end(store: MemoryBlobStore) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield bytes(1000)

    with pytest.raises(InvalidSafetensors):
        await UploadFile(store)(NAME, endless(), 10**12)


async def test_what_is_shorter_than_announced_leaves_nothing(store: MemoryBlobStore) -> None:
    with pytest.raises(InvalidFile):
        await UploadFile(store)(NAME, in_chunks(INK[:-5]), len(INK))
    assert await stored(store) == {}


async def test_a_sender_that_breaks_off_leaves_nothing(store: MemoryBlobStore) -> None:
    async def breaking_off() -> AsyncGenerator[bytes, None]:
        yield INK[:200]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await UploadFile(store)(NAME, breaking_off(), len(INK))
    assert await stored(store) == {}


@pytest.mark.parametrize(
    "name", ["", "ink", "ink.ckpt", "../ink.safetensors", "a/ink.safetensors", "a\\ink.safetensors", ".safetensors"]
)
async def test_a_name_that_is_no_file_name_is_refused(store: MemoryBlobStore, name: str) -> None:
    with pytest.raises(InvalidFields) as caught:
        await upload(store, INK, name)
    assert [field.name for field in caught.value.fields] == ["filename"]
    assert await stored(store) == {}


@pytest.mark.parametrize("name", ["a\nb.safetensors", "x" * 2000 + ".safetensors"])
async def test_a_name_that_no_store_can_keep_is_refused(store: MemoryBlobStore, name: str) -> None:
    with pytest.raises(InvalidKey):
        await upload(store, INK, name)


@pytest.mark.parametrize("name", ["Ink Wash.SAFETENSORS", "墨.sft", "a.b.safetensors"])
async def test_any_other_name_ending_like_a_lora_is_kept(store: MemoryBlobStore, name: str) -> None:
    assert (await upload(store, INK, name)).file_path == f"{store.root}{name}"


LARGE = wrap(json.dumps({"__metadata__": {"a": "x" * 5_000_000}}))  # a header such as no LoRA has


class Crew(ThreadPoolExecutor):
    """Threads that note how much was handed to them at most before it was done, and do the first once they may."""

    def __init__(self) -> None:
        super().__init__(max_workers=5)
        self.at_work = self.most = 0
        self.was_asked = asyncio.Event()
        self.may_begin = Event()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        do = fn if self.was_asked.is_set() else self._once_it_may(fn)
        self.was_asked.set()
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        future = super().submit(do, *args, **kwargs)
        future.add_done_callback(self._done)
        return future

    def _once_it_may(self, fn: Callable[P, T]) -> Callable[P, T]:
        def do(*args: P.args, **kwargs: P.kwargs) -> T:
            self.may_begin.wait()
            return fn(*args, **kwargs)

        return do

    def _done(self, _: object) -> None:
        self.at_work -= 1


@pytest.fixture
async def crew() -> AsyncGenerator[Crew, None]:
    crew = Crew()
    asyncio.get_running_loop().set_default_executor(crew)
    yield crew
    crew.may_begin.set()  # nor does a test that fails leave anybody waiting


async def test_large_headers_are_judged_one_at_a_time(store: MemoryBlobStore, crew: Crew) -> None:
    crew.may_begin.set()
    use = UploadFile(store)
    sent = [use(f"{number}.sft", in_chunks(LARGE, len(LARGE)), len(LARGE)) for number in range(5)]
    refused = await asyncio.gather(*sent, return_exceptions=True)
    assert all(isinstance(error, InvalidFile) for error in refused)  # a header without a tensor is no LoRA's
    assert crew.most == 1


async def test_a_file_as_they_usually_are_does_not_wait_for_a_large_header(store: MemoryBlobStore, crew: Crew) -> None:
    use = UploadFile(store)
    large = asyncio.create_task(use("large.sft", in_chunks(LARGE, len(LARGE)), len(LARGE)))
    await crew.was_asked.wait()
    assert (await use(NAME, in_chunks(INK), len(INK))).inspected.size_bytes == len(INK)
    assert crew.at_work == 1
    crew.may_begin.set()
    with pytest.raises(InvalidFile):
        await large


async def test_a_slow_client_with_a_large_header_keeps_nobody_waiting(store: MemoryBlobStore) -> None:
    stuck, going_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncGenerator[bytes, None]:
        yield LARGE[:-1]
        stuck.set()
        await going_on.wait()
        yield LARGE[-1:]

    use = UploadFile(store)
    late = asyncio.create_task(use(NAME, slow(), len(LARGE)))
    await stuck.wait()
    with pytest.raises(InvalidFile):
        await use("other.sft", in_chunks(LARGE, len(LARGE)), len(LARGE))
    assert not late.done()
    going_on.set()
    with pytest.raises(InvalidFile):
        await late
