"""Folders that are held open, so that what is done in them is done there, whatever takes their place meanwhile.

A path that was checked can lead elsewhere a moment later: it is enough that a folder on the way becomes a link. So the
way is gone one folder at a time, each opened from the one above it and none of them through a link (``dir_fd``,
``O_NOFOLLOW``). The alternative, to open by the path and then to ask where the descriptor leads (``/proc/self/fd``,
``F_GETPATH``), would have opened what is outside by then, which a device or a pipe notices, and needs a ``/proc``.

Windows has neither call: there a held folder is no more than its path, which the caller has checked just before.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO, Self

CAN_HOLD = os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
"""Whether this system can do it at all."""

# Through no link, without waiting for the other end of a pipe, and with the bytes it has.
_AS_IT_IS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0)
_ON_THE_WAY = _FOLDER | getattr(os, "O_PATH", 0)  # which, as every path does, needs no permission to list the folder
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_MAY_BE_LINK = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})  # the last is what FreeBSD says
_FOLLOWS = os.link not in os.supports_follow_symlinks  # what os.link does unless told otherwise


class LinkInTheWay(OSError):
    """A link stands where a folder was to be entered, or a file to be opened."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.ELOOP, os.strerror(errno.ELOOP), name)


class HeldFolder:
    """One folder; what is named in it are single names, never paths.

    :param path: where it was when it was opened
    :param descriptor: of the folder, and closed with it; None where the system can hold none
    """

    __slots__ = ("_descriptor", "_path")

    def __init__(self, path: str, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor is not None:
            os.close(self._descriptor)

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file, which is not looked for behind a link.

        :raises LinkInTheWay: a link has this name
        """
        return open_as_it_is(self._at(name), flags, self._descriptor)

    def make(self, name: str) -> BinaryIO:
        """A new file, to write."""
        path = os.path.join(self._path, name)
        return open(path, "xb", opener=lambda _, flags: self.open(name, flags))

    def has(self, name: str) -> bool:
        """Whether there is anything of this name."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        return True

    def status(self, name: str) -> os.stat_result:
        """What the system tells of what has this name; of a link, and not of where it leads."""
        return os.stat(self._at(name), dir_fd=self._descriptor, follow_symlinks=False)

    def own_status(self) -> os.stat_result:
        """What the system tells of the folder."""
        return os.stat(self._path if self._descriptor is None else self._descriptor)

    @contextmanager
    def entries(self) -> "Iterator[Iterator[os.DirEntry[str]]]":
        """What is in it, as long as the block lasts; of the entries' paths only the names mean anything."""
        if self._descriptor is None:
            with os.scandir(self._path) as found:
                yield found
            return
        listed = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=self._descriptor)
        try:
            with os.scandir(listed) as found:
                yield found
        finally:
            os.close(listed)

    def remove(self, name: str) -> None:
        """Remove a file, or a link but not what it leads to."""
        os.unlink(self._at(name), dir_fd=self._descriptor)

    def move(self, name: str, folder: "HeldFolder", new_name: str) -> None:
        """Put a file of this folder into another, in the place of what is there."""
        here, there = self._descriptor, folder._descriptor  # noqa: SLF001  # one of its own kind
        os.replace(self._at(name), folder._at(new_name), src_dir_fd=here, dst_dir_fd=there)  # noqa: SLF001  # the same

    def link(self, name: str, folder: "HeldFolder", new_name: str) -> None:
        """Give a file of this folder a second name in another, where nothing may have it."""
        here, there = self._descriptor, folder._descriptor  # noqa: SLF001  # one of its own kind
        target = folder._at(new_name)  # noqa: SLF001  # the same
        os.link(self._at(name), target, src_dir_fd=here, dst_dir_fd=there, follow_symlinks=_FOLLOWS)

    def sync(self) -> None:
        """Make what was renamed in it last through a power cut; Windows has no such call, and opens no folders."""
        if self._descriptor is None:
            return
        descriptor = os.open(".", os.O_RDONLY | _FOLDER, dir_fd=self._descriptor)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _at(self, name: str) -> str:
        return os.path.join(self._path, name) if self._descriptor is None else name


def hold(root: str, parts: Sequence[str] = (), *, root_may_be_link: bool = False, make: bool = False) -> HeldFolder:
    """The folder at the end of a way; the caller closes it.

    :param root: where the way begins; what lies above it is the operator's, and may hold links
    :param parts: names of folders, each in the one before: neither empty, nor ``.``, nor ``..``
    :param make: make the folders that are missing
    :raises LinkInTheWay: one of the parts is a link, or the root is
    :raises OSError: one of them is missing or no folder, or must not be entered
    """
    path = os.path.join(root, *parts)
    if not CAN_HOLD:
        if make:
            os.makedirs(path, exist_ok=True)
        return HeldFolder(path, None)
    if make:
        os.makedirs(root, exist_ok=True)
    descriptor = _open(root, _ON_THE_WAY if root_may_be_link else _ON_THE_WAY | _NO_LINK, None)
    for part in parts:
        above = descriptor
        try:
            if make:
                _make(part, above)
            descriptor = _open(part, _ON_THE_WAY | _NO_LINK, above)
        finally:
            os.close(above)
    return HeldFolder(path, descriptor)


def open_as_it_is(path: str, flags: int, above: int | None = None) -> int:
    """A descriptor of a file, which is not looked for behind a link.

    :param above: the descriptor of the folder that a relative path begins in
    :raises LinkInTheWay: the path is that of a link
    """
    return _open(path, flags | _AS_IT_IS, above)


def _open(name: str, flags: int, above: int | None) -> int:
    try:
        return os.open(name, flags, 0o666, dir_fd=above)
    except OSError as error:
        if _is_behind(error, name, above):
            raise LinkInTheWay(name) from error
        raise


def _make(name: str, above: int) -> None:
    try:
        os.mkdir(name, dir_fd=above)
    except FileExistsError:
        return  # what it is, shows when it is entered


def _is_behind(error: OSError, name: str, above: int | None) -> bool:
    """Whether a link of this name is why something could not be opened: no two systems say that alike."""
    if error.errno not in _MAY_BE_LINK:
        return False
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode)
    except OSError:
        return False
