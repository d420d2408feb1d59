"""Writing a file that only its owner may read."""

import os
from contextlib import suppress

from lora_manager.adapters.blobs.draft import sync_folder


def replace_privately(path: str, content: bytes) -> None:
    """Make this the content of the file, all at once, so that it lasts through a power cut.

    The caller holds a lock, so that nobody else writes the draft beside it: one that is there was left by a process
    that died.
    """
    draft = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(draft)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with open(descriptor, "wb") as file:
            _keep_owner(descriptor, path)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)
    sync_folder(os.path.dirname(path))


def make_folder(path: str) -> None:
    """Make a folder, and those above it, where they are missing, so that they last through a power cut."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    make_folder(above)
    with suppress(FileExistsError):  # another process was quicker
        os.mkdir(path)
    sync_folder(above)


def _keep_owner(descriptor: int, path: str) -> None:
    """What root replaces stays readable for the user that runs the service."""
    if os.name != "posix":
        return
    with suppress(FileNotFoundError):
        owner = os.stat(path).st_uid
        if owner != os.fstat(descriptor).st_uid:
            os.fchown(descriptor, owner, -1)
