"""What is known of a registered LoRA's file, and how its path gives it a name."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lora_manager.domain.file.facts import Embedded, Hashes, Network

SAFETENSORS_SUFFIXES = (".safetensors", ".sft")
"""What the name of a safetensors file ends in, in lower case. Source: ComfyUI, folder_paths.py."""

MAX_NAME = 200
_NOT_IN_A_NAME = re.compile(r"[<>:\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:\\|\\\\")


class FileState(StrEnum):
    """What the last look at the file found."""

    PRESENT = "present"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """The file as last verified.

    :param checked_at: when, UTC
    :param size_bytes: 0 or more
    :param modified_ns: its modification time in nanoseconds since 1970 where the store has one; with the size it tells
        an unchanged file without reading it
    :param detail: why it is not readable
    """

    checked_at: datetime
    size_bytes: int
    hashes: Hashes
    network: Network
    embedded: Embedded
    state: FileState = FileState.PRESENT
    modified_ns: int | None = None
    detail: str | None = None


def stem_of(path: str) -> str:
    """The file name without folder and extension; reads POSIX paths, Windows paths and ``s3://`` locations.

    >>> stem_of("/loras/style/ink.v2.safetensors")
    'ink.v2'
    """
    separators = r"[\\/]" if _DRIVE.match(path) else "/"
    file_name = re.split(separators, path)[-1]
    stem, dot, _ = file_name.rpartition(".")
    return stem if dot and stem else file_name


def name_from_stem(stem: str) -> str:
    """The stem as a valid name: what a name may not hold becomes ``_``, the rest stays as it is.

    >>> name_from_stem("ink:wash")
    'ink_wash'
    """
    return _NOT_IN_A_NAME.sub("_", stem).strip()[:MAX_NAME].strip() or "_"


def name_problem(name: str) -> str | None:
    """Why this may not be a LoRA's name, or None.

    ``<``, ``>`` and ``:`` delimit the token that carries the name; no runtime has an escape for them.
    Source: AUTOMATIC1111 modules/extra_networks.py.
    """
    if not 1 <= len(name) <= MAX_NAME:
        return f"must have 1 to {MAX_NAME} characters, has {len(name)}"
    if name != name.strip():
        return "must not begin or end with white space"
    if found := _NOT_IN_A_NAME.search(name):
        return f"must not contain {found.group()!a} (nor any of < > : or control characters)"
    return None
