"""The adapter resource: a registered LoRA as clients see it."""

from typing import Annotated, Self
from uuid import UUID

from msgspec import Meta, Struct

from lora_manager.domain.lora import Lora
from lora_manager.domain.publication import Publication, PublicationState
from lora_manager.domain.trigger import Trigger, TriggerStatus
from lora_manager.domain.validation import Validation, ValidationState
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.file import FileResource


class TriggerResource(Struct, frozen=True):
    """A trigger word."""

    text: str
    group: Annotated[str | None, Meta(description="What belongs together: an outfit, a character")]
    status: TriggerStatus

    @classmethod
    def of(cls, trigger: Trigger) -> Self:
        """The trigger as clients see it."""
        return cls(trigger.text, trigger.group, trigger.status)


class ValidationResource(Struct, frozen=True):
    """What CivitAI said of the file."""

    state: ValidationState
    checked_at: f.Moment | None
    detail: str | None
    model_id: int | None
    version_id: int | None
    page_url: str | None

    @classmethod
    def of(cls, validation: Validation) -> Self:
        """The validation as clients see it."""
        return cls(
            state=validation.state,
            checked_at=f.moment_or_none(validation.checked_at),
            detail=validation.detail,
            model_id=validation.model_id,
            version_id=validation.version_id,
            page_url=validation.page_url,
        )


class MetadataResource(Struct, frozen=True):
    """Where the published metadata document stands."""

    state: PublicationState
    uri: str | None
    synced_at: f.Moment | None
    detail: str | None

    @classmethod
    def of(cls, publication: Publication | None) -> Self:
        """The publication as clients see it; there being none is ``off``."""
        if publication is None:
            return cls(state=PublicationState.OFF, uri=None, synced_at=None, detail=None)
        return cls(
            state=publication.state,
            uri=publication.uri,
            synced_at=f.moment_or_none(publication.synced_at),
            detail=publication.detail,
        )


class AdapterResource(Struct, frozen=True, kw_only=True):
    """A registered LoRA."""

    id: UUID
    name: f.Name
    version: f.Version
    title: f.Title
    description: f.Description
    tags: f.Tags
    file_path: f.FilePath
    weight: f.Weight
    te_weight: f.TeWeight
    active: f.Active
    ordinal: f.Ordinal
    triggers: Annotated[tuple[TriggerResource, ...], f.Triggers]
    archetype: f.Archetype
    archetype_confidence: f.Confidence
    base_model: f.BaseModel
    preview_url: f.PreviewUrl
    sha256: Annotated[str | None, Meta(description="Of the file as last verified, lower-case hexadecimal")]
    size_bytes: Annotated[int | None, Meta(description="Of the file as last verified")]
    file: Annotated[FileResource | None, Meta(description="null until somebody looked")]
    validation: ValidationResource
    metadata: MetadataResource
    revision: Annotated[int, Meta(description="Grows by one with every change; it is the ETag")]
    created_at: f.Moment
    updated_at: f.Moment

    @classmethod
    def of(cls, lora: Lora, publication: Publication | None = None) -> Self:
        """The LoRA as clients see it.

        :param publication: of its metadata; None where nothing is published
        """
        return cls(
            id=lora.id,
            name=lora.name,
            version=lora.version,
            title=lora.title,
            description=lora.description,
            tags=lora.tags,
            file_path=lora.file_path,
            weight=lora.weight,
            te_weight=lora.te_weight,
            active=lora.active,
            ordinal=lora.ordinal,
            triggers=tuple(map(TriggerResource.of, lora.triggers)),
            archetype=lora.archetype,
            archetype_confidence=lora.archetype_confidence,
            base_model=lora.base_model,
            preview_url=lora.preview_url,
            sha256=lora.sha256,
            size_bytes=lora.size_bytes,
            file=None if lora.file is None else FileResource.of(lora.file),
            validation=ValidationResource.of(lora.validation),
            metadata=MetadataResource.of(publication),
            revision=lora.revision,
            created_at=f.moment(lora.created_at),
            updated_at=f.moment(lora.updated_at),
        )
