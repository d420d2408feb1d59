"""LoRAs and scans inside a transaction."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from lora_manager.domain.errors import Conflict, LoraNotFound, NameTaken, StaleRevision
from lora_manager.domain.lora import Lora
from lora_manager.domain.scan import Scan, ScanNotFound
from lora_manager.ports.loras import LoraRepository
from lora_manager.ports.scans import ScanRepository


class MemoryLoraRepository(LoraRepository):
    """A copy of the committed LoRAs, which the unit of work puts in their place."""

    def __init__(self, committed: Mapping[UUID, Lora]) -> None:
        self.loras = dict(committed)

    async def get(self, *lora_ids: UUID) -> Sequence[Lora]:
        return [self.loras[lora_id] for lora_id in dict.fromkeys(lora_ids) if lora_id in self.loras]

    async def matching(
        self, *, paths: Collection[str] = (), sha256s: Collection[str] = (), names: Collection[str] = ()
    ) -> Sequence[Lora]:
        found = (x for x in self.loras.values() if x.file_path in paths or x.sha256 in sha256s or x.name in names)
        return sorted(found, key=lambda lora: lora.id)

    async def add(self, *loras: Lora) -> None:
        after = self._after(loras)
        if len(after) < len(self.loras) + len(loras):
            raise Conflict("the id of one of these adapters is registered already")
        self.loras = after

    async def save(self, *loras: Lora) -> None:
        revisions = {lora_id: lora.revision for lora_id, lora in self.loras.items()}
        for lora in loras:
            stored = revisions.get(lora.id)
            if stored is None:
                raise LoraNotFound(lora.id)
            if stored != lora.revision - 1:
                raise StaleRevision(lora.revision - 1, stored)
            revisions[lora.id] = lora.revision
        self.loras = self._after(loras)

    def _after(self, loras: Sequence[Lora]) -> dict[UUID, Lora]:
        """What is stored once these are, one after another."""
        after = dict(self.loras)
        owners = {(lora.name, lora.version): lora.id for lora in after.values() if lora.deleted_at is None}
        for lora in loras:
            before = after.get(lora.id)
            if before is not None and before.deleted_at is None:
                del owners[before.name, before.version]
            if lora.deleted_at is None and owners.setdefault((lora.name, lora.version), lora.id) != lora.id:
                raise NameTaken(lora.name, lora.version)
            after[lora.id] = lora
        return after


class MemoryScanRepository(ScanRepository):
    """A copy of the committed scans, which the unit of work puts in their place."""

    def __init__(self, committed: Mapping[UUID, Scan]) -> None:
        self.scans = dict(committed)

    async def get(self, scan_id: UUID) -> Scan:
        if scan_id not in self.scans:
            raise ScanNotFound(scan_id)
        return self.scans[scan_id]

    async def put(self, scan: Scan) -> None:
        self.scans[scan.id] = scan
