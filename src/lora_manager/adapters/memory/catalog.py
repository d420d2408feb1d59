"""The registry's read side."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from lora_manager.adapters.memory.listing import page_of
from lora_manager.adapters.memory.store import MemoryStore
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import DuplicateGroup, duplicates
from lora_manager.domain.scan import KnownFile
from lora_manager.domain.selection import Page, Selection
from lora_manager.ports.catalog import LibraryReport, LoraCatalog

_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")


class MemoryCatalog(LoraCatalog, LibraryReport):
    """Answers by going through all of them."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def get(self, lora_id: UUID) -> Lora:
        lora = self._store.loras.get(lora_id)
        if lora is None or lora.deleted_at is not None:
            raise LoraNotFound(lora_id)
        return lora

    async def find(self, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Sequence[Lora]:
        return _canonical(lora for lora in self._store.living() if lora.id in ids or lora.name in names)

    async def active(self) -> Sequence[Lora]:
        return _canonical(lora for lora in self._store.living() if lora.active)

    async def page(self, selection: Selection) -> Page:
        return page_of(self._store.loras.values(), selection)

    async def tags(self) -> Sequence[tuple[str, int]]:
        counts = Counter(tag for lora in self._store.living() for tag in lora.tags)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))

    async def duplicates(self) -> Sequence[DuplicateGroup]:
        return duplicates(self._store.loras.values())

    async def known_files(self, folder: str) -> Sequence[KnownFile]:
        known = [_known_file(lora) for lora in self._store.loras.values() if _is_at_or_below(folder, lora.file_path)]
        return sorted(known, key=lambda file: (file.path, file.lora_id))


def _canonical(loras: Iterable[Lora]) -> list[Lora]:
    return sorted(loras, key=lambda lora: lora.order_key)


def _known_file(lora: Lora) -> KnownFile:
    deleted = lora.deleted_at is not None
    if lora.file is None:
        return KnownFile(lora.id, lora.file_path, None, None, None, deleted)
    file = lora.file
    return KnownFile(lora.id, lora.file_path, file.size_bytes, file.modified_ns, file.state, deleted)


def _is_at_or_below(folder: str, path: str) -> bool:
    separators = "\\/" if _WINDOWS.match(folder) else "/"
    stem = folder.rstrip(separators)
    return path == folder or (path.startswith(stem) and path[len(stem) :].startswith(tuple(separators)))
