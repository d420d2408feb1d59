"""File permissions that bind, whoever runs the tests."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[None]:
    """The block runs as a user whom permissions bind: root, whom they do not, becomes nobody for that time."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def folder_for_anyone() -> Iterator[Path]:
    """A new folder that every user may enter and change, unlike pytest's ``tmp_path``."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)  # noqa: S103  # that is its purpose
        yield Path(os.path.realpath(folder))
