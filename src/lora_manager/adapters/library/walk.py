"""Finding model files below a folder."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter

from lora_manager.adapters.library.companions import Companions
from lora_manager.adapters.library.errors import TOO_LONG, translate
from lora_manager.adapters.library.names import is_safetensors, refusal_by_name
from lora_manager.adapters.library.opening import Opening
from lora_manager.adapters.library.roots import LibraryRoots, printable
from lora_manager.domain.errors import FileMissing, OutsideLibrary
from lora_manager.domain.fields import MAX_PATH
from lora_manager.domain.scan import FoundFile, Refused
from lora_manager.ports.library import Listing

_by_path = attrgetter("path")


def walk(folder: str, roots: LibraryRoots) -> Listing:
    """Every safetensors file in or below a folder with what lies beside it, and what is refused unread.

    A linked folder is entered where its target lies inside a root; no folder is entered twice, and by its own path
    rather than by a link to it.

    :raises FileNotReadable: the folder itself is missing or cannot be read
    """
    walking = _Walk(roots)
    walking.enter(folder)
    return walking.listing()


def companions_beside(path: str, roots: LibraryRoots) -> Sequence[str]:
    """What lies beside one file; nothing where its folder is missing, or outside the roots.

    :raises FileNotReadable: the folder cannot be read
    """
    folder, file_name = os.path.split(path)
    stem = os.path.splitext(file_name)[0]
    companions = Companions()
    try:
        with Opening(roots).folder(folder) as held, held.entries() as entries:
            for entry in entries:
                beside = os.path.join(folder, entry.name)
                with suppress(OSError):  # a link that leads in a circle is no companion, and hides none
                    if entry.name.startswith(stem) and _may_be_read(entry, beside, roots):
                        companions.add(beside, entry.name)
    except OutsideLibrary:
        return ()
    except OSError as error:
        failure = translate(folder, error)
        if isinstance(failure, FileMissing):
            return ()
        raise failure from error
    return companions.of(path)


def _may_be_read(entry: "os.DirEntry[str]", path: str, roots: LibraryRoots) -> bool:
    """Whether it is a regular file inside the roots whose name is text; asks the system of links only."""
    return entry.is_file() and (not entry.is_symlink() or roots.admit(path)) and printable(path) == path


class _Walk:
    """What was found so far, and the folders that are still to be entered."""

    def __init__(self, roots: LibraryRoots) -> None:
        self._roots = roots
        self._opening = Opening(roots)
        self._seen: set[tuple[int, int]] = set()
        self._pending: list[str] = []
        self._linked: list[str] = []
        self._files: list[FoundFile] = []
        self._refused: list[Refused] = []
        self._companions = Companions()

    def enter(self, folder: str) -> None:
        """Find all there is in and below it."""
        self._pending = [folder]
        while self._pending or self._linked:
            current = self._pending.pop() if self._pending else self._linked.pop()
            try:
                self._list(current)
            except OSError as error:
                failure = translate(current, error)
                if current == folder:
                    raise failure from error
                self._refuse(current, failure.reason)
            except OutsideLibrary as error:
                if current == folder:
                    raise
                self._refuse(current, str(error))

    def listing(self) -> Listing:
        """All of it, in order."""
        self._files.sort(key=_by_path)
        self._refused.sort(key=_by_path)
        return Listing(self._files, self._refused, self._companions.of_each(self._files))

    def _list(self, folder: str) -> None:
        with self._opening.folder(folder) as held:
            status = held.own_status()
            if (status.st_dev, status.st_ino) in self._seen:
                return
            self._seen.add((status.st_dev, status.st_ino))
            with held.entries() as entries:
                for entry in entries:
                    self._take(entry, os.path.join(folder, entry.name))

    def _take(self, entry: "os.DirEntry[str]", path: str) -> None:
        try:
            if len(os.fsencode(path)) >= MAX_PATH:  # folder by folder, the system would let us go on without an end
                self._take_too_long(entry, path)
            elif entry.is_dir():
                self._take_folder(entry, path)
            elif is_safetensors(entry.name):
                self._take_file(entry, path)
            elif (refusal := refusal_by_name(entry.name)) is not None:
                self._refuse(path, refusal)
            elif _may_be_read(entry, path, self._roots):
                self._companions.add(path, entry.name)
        except OSError as error:
            self._refuse(path, translate(path, error).reason)
        except OutsideLibrary as error:
            self._refuse(path, str(error))

    def _take_too_long(self, entry: "os.DirEntry[str]", path: str) -> None:
        """Tell of what no path could lead to any more, if it might be of use."""
        if entry.is_dir(follow_symlinks=False) or is_safetensors(entry.name):
            self._refuse(path, TOO_LONG)

    def _take_folder(self, entry: "os.DirEntry[str]", path: str) -> None:
        if entry.is_symlink():
            self._roots.require_inside(path)
            self._linked.append(path)
        else:
            self._pending.append(path)

    def _take_file(self, entry: "os.DirEntry[str]", path: str) -> None:
        # Never through a link that another one may take the place of: that is for ``Opening`` to follow.
        status = self._opening.status(path) if entry.is_symlink() else entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            self._refuse(path, "not a regular file")
        elif printable(path) != path:
            self._refuse(path, "its name is not valid UTF-8; rename it")
        else:
            self._files.append(FoundFile(path, status.st_size, status.st_mtime_ns))

    def _refuse(self, path: str, reason: str) -> None:
        self._refused.append(Refused(printable(path), reason))
