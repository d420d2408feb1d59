"""Folders, as checks look at them; every call may wait for the disk."""

import os
import tempfile


def existing(folder: str) -> str:
    """The folder, or the nearest above it that is there."""
    while not os.path.lexists(folder) and (above := os.path.dirname(folder)) != folder:
        folder = above
    return folder


def why_not_writable(folder: str) -> str | None:
    """Why no file can be made in the folder; None where one can. Nobody sees the one that is tried."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"lora-manager doctor")
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def is_inside(inner: str, outer: str) -> bool:
    """Whether a folder is another one or lies below it, both by their real paths."""
    return inner == outer or inner.startswith(os.path.join(outer, ""))
