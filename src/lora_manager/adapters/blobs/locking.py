"""A lock that holds between processes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lora_manager.adapters.system.held_folder import open_as_it_is

if sys.platform == "win32":
    import msvcrt

    _TIRED = 36  # EDEADLOCK: it has tried for ten seconds. Source: Microsoft, "_locking"

    def _lock(descriptor: int) -> None:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != _TIRED:
                    raise
            else:
                return
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the lock on a file, made where it is missing, that one thread of one process at a time can hold.

    The system lets go of it when its process ends, however that ends. What is behind a link is no such file.
    """
    with locked_file(open_as_it_is(path, os.O_RDWR | os.O_CREAT)):
        yield


@contextmanager
def locked_file(descriptor: int) -> Iterator[None]:
    """The same for a file that is open already.

    :param descriptor: closed in the end
    """
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)
