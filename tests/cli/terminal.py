"""What a process shows on a terminal."""

from contextlib import suppress
from io import BufferedReader


def read_all(terminal: BufferedReader) -> bytes:
    """What is written until nobody holds the other end."""
    shown = b""
    with suppress(OSError):  # which is how Linux says that this is the end
        while piece := terminal.read1():
            shown += piece
    return shown
