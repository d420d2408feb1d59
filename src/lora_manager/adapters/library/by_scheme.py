"""LoRA files on local disks and in object storage, told apart by their paths."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import timedelta
from itertools import groupby

from lora_manager.adapters.library.errors import SCHEME, OutsideBucket
from lora_manager.domain.blob import WHOLE, Span
from lora_manager.domain.errors import OutsideLibrary
from lora_manager.domain.scan import FoundFile
from lora_manager.ports.library import Consumer, Examined, Library, Listing, ResultT


class LibraryByScheme(Library):
    """Two libraries as one.

    :param local: asked for every path but ``s3://``
    :param remote: asked for those; None where no bucket is set
    """

    def __init__(self, local: Library, remote: Library | None) -> None:
        self._local = local
        self._remote = remote

    @property
    def roots(self) -> tuple[str, ...]:
        """The local roots, then the remote ones."""
        return self._local.roots + (self._remote.roots if self._remote is not None else ())

    def locate(self, path: str) -> str:
        return self._holder_of(path).locate(path)

    async def stat(self, path: str) -> FoundFile:
        return await self._holder_of(path).stat(path)

    async def list(self, folder: str) -> Listing:
        return await self._holder_of(folder).list(folder)

    async def companions(self, path: str) -> Sequence[str]:
        return await self._holder_of(path).companions(path)

    async def examine(
        self, paths: Sequence[str], open_consumer: Callable[[FoundFile], Consumer[ResultT]]
    ) -> AsyncGenerator[Examined[ResultT], None]:
        for _, run in groupby(paths, _is_remote):
            alike = list(run)
            try:
                holder = self._holder_of(alike[0])
            except OutsideLibrary:
                for path in alike:
                    yield Examined(FoundFile(path, 0, None), OutsideBucket(path, self.roots))
                continue
            async with aclosing(holder.examine(alike, open_consumer)) as results:
                async for result in results:
                    yield result

    async def read(self, path: str, span: Span = WHOLE) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._holder_of(path).read(path, span)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def presign(self, path: str, lifetime: timedelta) -> str | None:
        return await self._holder_of(path).presign(path, lifetime)

    def _holder_of(self, path: str) -> Library:
        if not _is_remote(path):
            return self._local
        if self._remote is None:
            raise OutsideBucket(path, self.roots)
        return self._remote


def _is_remote(path: str) -> bool:
    return path.startswith(SCHEME)
