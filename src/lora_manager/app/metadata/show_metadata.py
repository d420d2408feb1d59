"""Show the metadata document of a LoRA."""

from dataclasses import dataclass
from uuid import UUID

from lora_manager.domain.metadata import metadata_document
from lora_manager.ports.catalog import LoraCatalog


@dataclass(frozen=True, slots=True)
class ShowMetadata:
    """Show the metadata document of a LoRA as of now: what is published of it, or would be."""

    catalog: LoraCatalog

    async def __call__(self, lora_id: UUID) -> bytes:
        """The document, UTF-8 JSON.

        :raises LoraNotFound: it does not exist or was deleted
        """
        return metadata_document(await self.catalog.get(lora_id))
