"""Library roots: the folders that a path from outside may lead into."""

import os
from collections.abc import Sequence

from lora_manager.domain.errors import InvalidFile, OutsideLibrary
from lora_manager.domain.text import UNSTORABLE


class LibraryRoots:
    """The roots, by their real paths; what lies below one of them is inside.

    :param roots: folders, absolute or relative to the working directory; they need not exist yet
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self.paths = tuple(_normal(os.path.abspath(root)) for root in roots)
        self._real = tuple(os.path.realpath(root) for root in self.paths)

    def locate(self, path: str) -> str:
        """The path without ``.`` and ``..``, links kept, once its real path is seen to lie inside a root.

        :raises InvalidFile: it is relative, or holds a NUL or bytes that are not UTF-8
        :raises OutsideLibrary: it leads outside every root
        """
        if UNSTORABLE.search(path):
            raise InvalidFile(f"{printable(path)}: a path must be UTF-8 without NUL characters; rename the file")
        if not os.path.isabs(path):
            raise InvalidFile(f"{path}: a path must be absolute")
        # ".." after a link means the link's target's parent, which only the file system can tell.
        located = os.path.realpath(path) if ".." in path.split(os.sep) else _normal(path)
        self.require_inside(located)
        return located

    def require_inside(self, path: str) -> str:
        """The real path, once it is seen to lie inside a root.

        :raises OutsideLibrary: it does not; the error names the root to add
        """
        real = os.path.realpath(path)
        if not self._hold(real):
            raise OutsideLibrary(path, real if os.path.isdir(real) else os.path.dirname(real), self.paths)
        return real

    def admit(self, path: str) -> bool:
        """Whether the real path lies inside a root."""
        return self._hold(os.path.realpath(path))

    def _hold(self, real: str) -> bool:
        return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self._real)


def _normal(path: str) -> str:
    """The path without ``.`` and repeated separators; POSIX would let two leading ones stand."""
    normal = os.path.normpath(path)
    return normal[1:] if normal.startswith("//") else normal


def printable(path: str) -> str:
    r"""The path as text that every output can carry: bytes that are not UTF-8 are written ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
