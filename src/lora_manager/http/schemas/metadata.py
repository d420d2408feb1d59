"""The metadata document, which the domain writes: these types only describe it."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.adapter import TriggerResource
from lora_manager.http.schemas.file import FileHashes


class MetadataDocument(Struct, frozen=True, kw_only=True):
    """What others read of an adapter; always with all of these keys."""

    id: UUID
    name: f.Name
    file_path: f.FilePath
    sha256: str | None
    size_bytes: int | None
    tags: f.Tags
    created_at: f.Moment
    preview_url: Annotated[str | None, Meta(description="null, too, where the address itself would give access")]
    version: f.Version
    title: f.Title
    description: f.Description
    triggers: Annotated[tuple[TriggerResource, ...], f.Triggers]
    base_model: f.BaseModel
    weight: f.Weight
    te_weight: f.TeWeight
    active: f.Active
    ordinal: f.Ordinal
    archetype: f.Archetype
    archetype_confidence: f.Confidence
    hashes: FileHashes | None
    updated_at: f.Moment
    revision: Annotated[int, Meta(description="Of the adapter; it is the ETag")]
