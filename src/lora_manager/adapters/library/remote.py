"""LoRA files in object storage."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta

from lora_manager.adapters.library.companions import Companions
from lora_manager.adapters.library.errors import CHANGED, OutsideBucket
from lora_manager.adapters.library.names import is_safetensors, refusal_by_name
from lora_manager.adapters.library.reading import FIRST_READ
from lora_manager.adapters.library.roots import require_length
from lora_manager.domain.blob import WHOLE, Blob, BlobChanged, BlobMissing, InvalidKey, Span, check_key
from lora_manager.domain.errors import FileMissing, FileNotReadable, InvalidFile
from lora_manager.domain.scan import FoundFile, Refused
from lora_manager.ports.blob_store import BlobStore
from lora_manager.ports.library import Consumer, Examined, Library, Listing, ResultT

WINDOW = 4  # files read at once, the one that is waited for among them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BlobLibrary(Library):
    """The blobs of a store, each at the store's root and its key.

    :param store: its ``root`` is the one library root
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._root = store.root.removesuffix("/")

    @property
    def roots(self) -> tuple[str, ...]:
        """The one root, without a slash at its end."""
        return (self._root,)

    def locate(self, path: str) -> str:
        located = path.removesuffix("/")
        if located != self._root:
            self._key(located)
        return located

    async def stat(self, path: str) -> FoundFile:
        with _translated(path):
            return _found(await self._store.stat(self._key(path)))

    async def list(self, folder: str) -> Listing:
        located = self.locate(folder)
        is_there = located == self._root
        files: list[FoundFile] = []
        refused: list[Refused] = []
        companions = Companions()
        async with aclosing(self._store.list(f"{located}/".removeprefix(f"{self._root}/"))) as blobs:
            async for blob in blobs:
                is_there = True
                if is_safetensors(blob.key):
                    files.append(_found(blob))
                elif (refusal := refusal_by_name(blob.key)) is not None:
                    refused.append(Refused(blob.uri, refusal))
                else:
                    companions.add(blob.uri, _name(blob))
        return Listing(files, refused, companions.of_each(files)) if is_there else await self._list_file(located)

    async def companions(self, path: str) -> Sequence[str]:
        companions = Companions()
        async with aclosing(self._store.list(f"{os.path.splitext(self._key(path))[0]}.")) as blobs:
            async for blob in blobs:
                companions.add(blob.uri, _name(blob))
        return companions.of(path)

    async def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        ahead: deque[asyncio.Task[Examined[ResultT]]] = deque()
        try:
            for path in paths:
                ahead.append(asyncio.create_task(self._examine(path, open_consumer)))
                if len(ahead) >= WINDOW:
                    yield await ahead.popleft()
            while ahead:
                yield await ahead.popleft()
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def read(self, path: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        with _translated(path):
            async with aclosing(self._store.read(self._key(path), span)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def presign(self, path: str, lifetime: timedelta) -> str | None:
        with _translated(path):
            return await self._store.presign(self._key(path), lifetime)

    def _key(self, path: str) -> str:
        """The key of the blob at a path.

        :raises OutsideLibrary: the path does not begin with the root
        :raises InvalidFile: what follows can be no key
        """
        require_length(path)
        if not path.startswith(f"{self._root}/"):
            raise OutsideBucket(path, self.roots)
        with _translated(path):
            return check_key(path.removeprefix(f"{self._root}/"))

    async def _list_file(self, path: str) -> Listing:
        found = await self.stat(path)
        refusal = refusal_by_name(path)
        if refusal is not None:
            return Listing((), [Refused(path, refusal)])
        companions = await self.companions(path)
        return Listing([found], (), {path: companions} if companions else {})

    async def _examine(self, path: str, open_consumer: Callable[[FoundFile], Consumer[ResultT]]) -> Examined[ResultT]:
        found = FoundFile(path, 0, None)
        try:
            refusal = refusal_by_name(path)
            if refusal is not None:
                raise FileNotReadable(path, refusal)
            with _translated(path):
                blob = await self._store.stat(self._key(path))
                found = _found(blob)
                consumer = open_consumer(found)
                await self._feed(blob, Span(0, FIRST_READ), consumer)
                if blob.size_bytes > FIRST_READ:
                    await self._feed(blob, Span(FIRST_READ), consumer)
            return Examined(found, await asyncio.to_thread(consumer.finish))
        except InvalidFile as error:
            return Examined(found, error)

    async def _feed(self, blob: Blob, span: Span, consumer: Consumer[ResultT]) -> None:
        async with aclosing(self._store.read(blob.key, span, version=blob.version)) as chunks:
            async for chunk in chunks:
                await asyncio.to_thread(consumer.feed, memoryview(chunk))


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """What the store says of one blob becomes what is said of a file; what it says of itself stays."""
    try:
        yield
    except BlobMissing as error:
        raise FileMissing(path) from error
    except BlobChanged as error:
        raise FileNotReadable(path, CHANGED) from error
    except InvalidKey as error:
        raise InvalidFile(str(error)) from error


def _name(blob: Blob) -> str:
    return blob.key.rpartition("/")[2]


def _found(blob: Blob) -> FoundFile:
    # In whole seconds: some stores list a blob by the millisecond, but its own header says no more than the second.
    seconds = (blob.modified_at - _EPOCH) // timedelta(seconds=1)
    return FoundFile(blob.uri, blob.size_bytes, seconds * 1_000_000_000)
