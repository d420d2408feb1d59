"""Blobs as files on a local disk."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import ParamSpec, TypeVar

from lora_manager.adapters.blobs.content import regrouped, to_its_end
from lora_manager.adapters.blobs.draft import Draft
from lora_manager.adapters.blobs.folder import Folder, OpenFile, version_of
from lora_manager.domain.blob import WHOLE, Blob, BlobChanged, BlobMissing, Corrupted, InvalidKey, Over, Replacing, Span
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.media_types import ANY_TYPE
from lora_manager.ports.blob_store import BlobStore

_CHUNK = 1 << 20  # bytes written or read at once
_AT_ONCE = 500  # files that are looked at before the event loop goes on

_WAYS_OUT = {
    errno.ENOSPC: "the disk is full; free some space, or point {setting} at another disk",
    errno.EDQUOT: "the disk quota is used up; free some space, or point {setting} at another disk",
    errno.EACCES: "permission denied; let the user that runs the service read and write there, or point {setting} "
    "elsewhere",
    errno.EROFS: "the file system is read-only; mount it writable, or point {setting} elsewhere",
    errno.EIO: "the disk could not read or write it (input/output error); check the disk that {setting} points at",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) for the user that runs the service",
}
_WAYS_OUT[errno.EPERM] = _WAYS_OUT[errno.EACCES]

P = ParamSpec("P")
T = TypeVar("T")


class LocalBlobStore(BlobStore):
    """Files at ``<folder>/<key>``; several processes may share the folder.

    What is being written lies in ``<folder>/.drafts`` until it is whole; what a killed process left there is removed
    after a day. Links are not followed.

    :param folder: absolute or relative to the working directory; made when it is first needed
    :param setting: the name of the setting that the folder comes from, for messages
    """

    def __init__(self, folder: str, *, setting: str = "DATA_DIR") -> None:
        self._folder = Folder(os.path.abspath(folder))
        self._setting = setting

    @property
    def root(self) -> str:
        return self._folder.root

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        media_type: str = ANY_TYPE,
        replacing: Replacing = Over.ANYTHING,
        sha256: str | None = None,
    ) -> Blob:
        path = self._folder.uri(key)
        draft = Draft(self._folder, key)
        try:
            async with aclosing(regrouped(content, repeat(_CHUNK))) as pieces:
                async for piece in pieces:
                    await self._apart(path, draft.add, piece)
            if sha256 not in {None, draft.sha256}:
                raise Corrupted(path, str(sha256), draft.sha256)
            status = await self._apart(path, draft.finish, replacing)
        finally:
            await self._apart(path, draft.discard)
        return self._blob(key, status, draft.sha256)

    async def read(self, key: str, span: Span = WHOLE, *, version: str | None = None) -> AsyncGenerator[bytes, None]:
        path = self._folder.uri(key)
        file = OpenFile(self._folder, key)
        try:
            status = await self._apart(path, file.open)
            if version not in {None, version_of(status)}:
                raise BlobChanged(path)
            # Never beyond the size it was opened with: what is written to as fast as it is read would have no end.
            end = status.st_size if span.end is None else min(status.st_size, span.end)
            at = span.begin
            while at < end and (chunk := await self._apart(path, file.read, at, min(_CHUNK, end - at))):
                yield chunk
                at += len(chunk)
        finally:
            file.close()

    async def stat(self, key: str) -> Blob:
        return self._blob(key, await self._apart(self._folder.uri(key), self._folder.status, key))

    async def list(self, prefix: str = "") -> AsyncGenerator[Blob, None]:
        keys = await self._apart(self.root, self._folder.keys, prefix)
        for begin in range(0, len(keys), _AT_ONCE):
            for blob in await self._apart(self.root, self._blobs, *keys[begin : begin + _AT_ONCE]):
                yield blob

    async def delete(self, key: str) -> None:
        await self._apart(self._folder.uri(key), self._folder.remove, key)

    async def presign(self, key: str, lifetime: timedelta) -> str | None:
        self._folder.uri(key)
        return None

    def _blobs(self, *keys: str) -> tuple[Blob, ...]:
        found: dict[str, os.stat_result] = {}
        for key in keys:
            with suppress(BlobMissing, InvalidKey):  # somebody was at it since it was listed
                found[key] = self._folder.status(key)
        return tuple(self._blob(key, status) for key, status in found.items())

    def _blob(self, key: str, status: os.stat_result, sha256: str | None = None) -> Blob:
        return Blob(
            key=key,
            uri=self._folder.uri(key),
            size_bytes=status.st_size,
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            version=version_of(status),
            sha256=sha256,
        )

    async def _apart(self, path: str, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Have the disk's work done by a thread, which is never left behind, and its errors told in the user's words.

        :param path: what it is about
        """
        try:
            return await to_its_end(asyncio.to_thread(work, *arguments, **options))
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise InvalidKey(path, "a part of it is longer than the file system allows") from error
            reason = _WAYS_OUT.get(error.errno or 0) or error.strerror or type(error).__name__
            raise Unavailable(f"cannot read or write {path}: {reason.format(setting=self._setting)}") from error
