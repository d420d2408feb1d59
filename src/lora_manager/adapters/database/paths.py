"""Looking file paths up by the index on their heads."""

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_

from lora_manager.adapters.database.tables import PATH_HEAD, adapters, path_head

_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")


def at_paths(paths: Sequence[str]) -> ColumnElement[bool]:
    """Registered at one of these paths."""
    return path_head.in_({path[:PATH_HEAD] for path in paths}) & adapters.c.file_path.in_(paths)


def at_or_below(path: str) -> ColumnElement[bool]:
    """Registered at this path or in the folder that it is; there every path begins with the folder and a separator."""
    if _WINDOWS.match(path):
        stem = path.rstrip("\\/")
        return or_(at_paths([path]), _begins_with(stem + "\\"), _begins_with(stem + "/"))
    return or_(at_paths([path]), _begins_with(path.rstrip("/") + "/"))


def _begins_with(prefix: str) -> ColumnElement[bool]:
    """By code point, text that begins with ``a/`` lies from ``a/`` up to, without, ``a0``: 0 comes next after /."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return and_(
        path_head >= prefix[:PATH_HEAD],
        path_head <= end[:PATH_HEAD],
        adapters.c.file_path >= prefix,
        adapters.c.file_path < end,
    )
