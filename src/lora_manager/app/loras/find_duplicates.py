"""Find LoRAs that are the same."""

from dataclasses import dataclass

from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import SharedBy
from lora_manager.ports.catalog import LibraryReport, LoraCatalog


@dataclass(frozen=True, slots=True)
class Duplicates:
    """LoRAs that share something, oldest first."""

    by: SharedBy
    value: str
    loras: tuple[Lora, ...]


@dataclass(frozen=True, slots=True)
class FindDuplicates:
    """Find LoRAs with the same content, the same tensors under other metadata (AutoV3), or the same name."""

    catalog: LoraCatalog
    report: LibraryReport

    async def __call__(self) -> list[Duplicates]:
        """The groups, those of equal content first; an entry deleted while we look is left out."""
        groups = await self.report.duplicates()
        ids = {lora_id for group in groups for lora_id in group.lora_ids}
        loras = {lora.id: lora for lora in await self.catalog.find(ids=ids)}
        return [Duplicates(g.by, g.value, tuple(loras[i] for i in g.lora_ids if i in loras)) for g in groups]
