"""Finding model files below a folder."""

import os
import stat
from collections.abc import Iterator

from lora_manager.adapters.library.errors import translate
from lora_manager.adapters.library.roots import LibraryRoots, printable
from lora_manager.domain.errors import OutsideLibrary
from lora_manager.domain.scan import FoundFile, Refused

SAFETENSORS = frozenset({".safetensors", ".sft"})  # the names ComfyUI takes for safetensors
PICKLES = frozenset({".pt", ".pt2", ".ckpt", ".bin", ".pth", ".pkl"})  # the others it takes, all of them pickles
_PICKLE_REASON = "a pickle by its name: opening one can run code, so it is never opened; convert it to safetensors"
_GGUF_REASON = "a GGUF file; only safetensors files can be registered"


def refusal_by_name(path: str) -> str | None:
    """Why a file of this name is refused without opening it, or None."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in PICKLES:
        return _PICKLE_REASON
    return _GGUF_REASON if suffix == ".gguf" else None


def walk(folder: str, roots: LibraryRoots) -> Iterator[FoundFile | Refused]:
    """Every safetensors file in or below a folder, and what is refused unread; the order is the file system's.

    A linked folder is entered where its target lies inside a root; no folder is entered twice, and by its own path
    rather than by a link to it.

    :raises FileNotReadable: the folder itself is missing or cannot be read
    """
    seen: set[tuple[int, int]] = set()
    pending = [folder]
    linked: list[str] = []
    while pending or linked:
        current = pending.pop() if pending else linked.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = list(os.scandir(current))
        except OSError as error:
            failure = translate(current, error)
            if current == folder:
                raise failure from error
            yield Refused(printable(current), failure.reason)
            continue
        for entry in entries:
            yield from _enter(entry, roots, pending, linked)


def _enter(
    entry: "os.DirEntry[str]", roots: LibraryRoots, pending: list[str], linked: list[str]
) -> Iterator[FoundFile | Refused]:
    """What one directory entry is; a folder is put on the list of those to enter."""
    try:
        if entry.is_dir():
            if entry.is_symlink():
                roots.require_inside(entry.path)
                linked.append(entry.path)
            else:
                pending.append(entry.path)
            return
        refusal = refusal_by_name(entry.name)
        if refusal is not None:
            yield Refused(printable(entry.path), refusal)
            return
        if os.path.splitext(entry.name)[1].lower() not in SAFETENSORS:
            return
        if entry.is_symlink():
            roots.require_inside(entry.path)
        status = entry.stat()
    except OSError as error:
        yield Refused(printable(entry.path), translate(entry.path, error).reason)
        return
    except OutsideLibrary as error:
        yield Refused(printable(entry.path), str(error))
        return
    yield _found(entry.path, status)


def _found(path: str, status: os.stat_result) -> FoundFile | Refused:
    if not stat.S_ISREG(status.st_mode):
        return Refused(printable(path), "not a regular file")
    if printable(path) != path:
        return Refused(printable(path), "its name is not valid UTF-8; rename it")
    return FoundFile(path, status.st_size, status.st_mtime_ns)
