"""Library roots: the folders that a path from outside may lead into."""

import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from lora_manager.adapters.library.errors import TOO_LONG
from lora_manager.adapters.library.names import is_safetensors
from lora_manager.adapters.system.windows_names import unfit_path
from lora_manager.domain.errors import FileNotReadable, InvalidFile, OutsideLibrary
from lora_manager.domain.fields import MAX_PATH
from lora_manager.domain.text import UNSTORABLE

_NO_NAMES = frozenset({"", ".", ".."})


class Place(NamedTuple):
    """A path inside a root.

    :param root: the root's real path; it lies below no other root
    :param parts: the names from there on, none of them empty, ``.`` or ``..``; none for the root itself
    """

    root: str
    parts: Sequence[str]


class LibraryRoots:
    """The roots, by their real paths as they are now; what lies below one of them is inside.

    Paths are compared character by character, also where the file system takes capitals for small letters: a root that
    is written otherwise is refused there, where folding letters might admit what another file system keeps apart.

    :param roots: folders, absolute or relative to the working directory; they need not exist yet
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self.paths = tuple(_normal(os.path.abspath(root)) for root in roots)
        real = [os.path.realpath(root) for root in self.paths]
        # Those in another one are reached from there: whoever may write in that one could put a link in their place.
        outermost = [root for root in dict.fromkeys(real) if not any(_holds(other, root) for other in real)]
        self._outermost = tuple((root, _with_separator(root)) for root in outermost)

    def locate(self, path: str) -> str:
        """The path without ``.`` and ``..``, links kept, once its real path is seen to lie inside a root.

        :raises InvalidFile: it is relative or too long, or holds a NUL or bytes that are not UTF-8
        :raises OutsideLibrary: it leads outside every root
        """
        require_length(path)  # first of all: looking a path up takes time with the square of its length
        if UNSTORABLE.search(path):
            raise no_path(path)
        if not os.path.isabs(path):
            raise InvalidFile(f"{path}: a path must be absolute")
        self._require_fit(path)
        # ".." after a link means the link's target's parent, which only the file system can tell.
        located = os.path.realpath(path) if _has_dots(path) else _normal(path)
        if not self.admit(located):
            raise self._outside(path)
        _require_short(located)
        return located

    def require_inside(self, path: str) -> Place:
        """Where the real path lies.

        :raises InvalidFile: no file of this system can have it
        :raises OutsideLibrary: it lies outside every root; the error names the root to add
        """
        self._require_fit(path)
        try:
            place = self.place_of(os.path.realpath(path))
        except ValueError as error:
            raise no_path(path) from error
        if place is None:
            raise self._outside(path)
        return place

    def admit(self, path: str) -> bool:
        """Whether the real path lies inside a root."""
        return self.place_of(os.path.realpath(path)) is not None

    def place_of(self, path: str) -> Place | None:
        """Where a path lies as it is written, links not followed; None where it is in no root, or not plainly so."""
        for root, prefix in self._outermost:
            if path.startswith(prefix):
                parts = path[len(prefix) :].split(os.sep)
                return Place(root, parts) if _NO_NAMES.isdisjoint(parts) else None
            if path == root:
                return Place(root, ())
        return None

    def _outside(self, path: str) -> OutsideLibrary:
        """The refusal. It tells what was written: where that leads is told of links in the library only, and whether
        anything is there of none, or the service would answer questions about the whole disk.
        """
        is_written_inside = not _has_dots(path) and any(_holds(root, path) for root in (*self.paths, *self._real()))
        shown = os.path.realpath(path) if is_written_inside else _normal(path)
        return OutsideLibrary(path, os.path.dirname(shown) if is_safetensors(shown) else shown, self.paths)

    def _real(self) -> Sequence[str]:
        return [root for root, _ in self._outermost]

    def _require_fit(self, path: str) -> None:
        if os.name == "nt" and (reason := unfit_path(path, (*self.paths, *self._real()))):
            raise InvalidFile(f"{path}: {reason}")


def _require_short(path: str) -> None:
    """Have the system say whether it can have such a path: how long one may be depends on the file system."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise FileNotReadable(path, TOO_LONG) from error


def require_length(path: str) -> None:
    """Refuse a path that nobody could register, before anything is done with it.

    :raises InvalidFile: it is too long
    """
    if len(path) > MAX_PATH:
        raise InvalidFile(f"a path must have at most {MAX_PATH} characters, this one has {len(path)}")


def no_path(path: str) -> InvalidFile:
    """The refusal of text that no file can have as its path."""
    return InvalidFile(f"{printable(path)}: a path must be UTF-8 without NUL characters; rename the file")


def _with_separator(root: str) -> str:
    return root.rstrip(os.sep) + os.sep


def _holds(root: str, path: str) -> bool:
    """Whether a path is written to lie below a root."""
    return path != root and path.startswith(_with_separator(root))


def _has_dots(path: str) -> bool:
    return ".." in (path.replace(os.altsep, os.sep) if os.altsep else path).split(os.sep)


def _normal(path: str) -> str:
    """The path without ``.`` and repeated separators; POSIX would let two leading ones stand."""
    normal = os.path.normpath(path)
    return normal[1:] if normal.startswith("//") else normal


def printable(path: str) -> str:
    r"""The path as text that every output can carry: bytes that are not UTF-8 are written ``\xNN``."""
    try:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # surrogates that stand for no bytes at all
        return path.encode("utf-8", "backslashreplace").decode()
