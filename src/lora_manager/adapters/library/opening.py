"""Opening what lies inside the library roots, and nothing else, whoever moves folders about meanwhile.

Where no link stands on its way, a path is gone down from its root as it is: checking and opening are one, and cost less
than asking for the real path does. Where one does, the real path is asked for, checked, and gone down likewise, so that
what becomes a link after that is not followed. (Windows cannot: there the real path is checked, and then used. See
``adapters.system.held_folder``.)
"""

import os
import stat
from collections.abc import Callable
from io import FileIO
from typing import TypeVar

from lora_manager.adapters.library.roots import LibraryRoots, Place, no_path
from lora_manager.adapters.system.held_folder import CAN_HOLD, HeldFolder, LinkInTheWay, hold

T = TypeVar("T")


class Opening:
    """Opens files and folders by their absolute paths.

    Each method raises ``OSError`` as the system does; ``OutsideLibrary`` where the real path lies in no root; and
    ``InvalidFile`` where no file can have the path.
    """

    def __init__(self, roots: LibraryRoots) -> None:
        self._roots = roots

    def file(self, path: str) -> FileIO:
        """What has this path, to read, be it a file or a pipe."""
        try:
            return FileIO(path, opener=self._open)
        except ValueError as error:
            raise no_path(path) from error

    def folder(self, path: str) -> HeldFolder:
        """The folder of this path; the caller closes it."""
        return self._at(path, _hold)

    def status(self, path: str) -> os.stat_result:
        """What the system tells of what has this path, or of where a link of this path leads."""
        return self._at(path, _status)

    def _open(self, path: str, flags: int) -> int:
        return self._at(path, lambda place: _open(place, flags))

    def _at(self, path: str, use: Callable[[Place], T]) -> T:
        try:
            place = self._roots.place_of(path) if CAN_HOLD else None
            if place is not None:
                try:
                    return use(place)
                except LinkInTheWay:
                    place = None  # the link may lead into a root
            return use(self._roots.require_inside(path))
        except ValueError as error:
            raise no_path(path) from error


def _hold(place: Place) -> HeldFolder:
    return hold(place.root, place.parts)


def _open(place: Place, flags: int) -> int:
    *folders, name = place.parts or (os.curdir,)
    with hold(place.root, folders) as folder:
        return folder.open(name, flags)


def _status(place: Place) -> os.stat_result:
    *folders, name = place.parts or (os.curdir,)
    with hold(place.root, folders) as folder:
        status = folder.status(name)
    if stat.S_ISLNK(status.st_mode):
        raise LinkInTheWay(name)
    return status
