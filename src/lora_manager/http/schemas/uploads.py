"""Files that clients send."""

from typing import Annotated, Self

from msgspec import Meta, Struct, convert

from lora_manager.app.files.upload_file import Upload
from lora_manager.domain.file import Inspected
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.file import FileClaims, FileHashes, FileNetwork, claims_of
from lora_manager.http.schemas.input import Input


class UploadQuery(Input, frozen=True, kw_only=True):
    """What to call the file."""

    filename: Annotated[
        str, Meta(description="A name without folders, ending in .safetensors or .sft", examples=["ink.safetensors"])
    ]


class BaseModelResource(Struct, frozen=True):
    """The family of models that the file was made for."""

    family: Annotated[str | None, Meta(description="null where nothing decides", examples=["sdxl"])]
    evidence: Annotated[str, Meta(description="What decided")]


class InspectionResource(Struct, frozen=True):
    """What the file is, by its bytes alone."""

    hashes: FileHashes
    network: FileNetwork
    base_model: BaseModelResource
    embedded: FileClaims
    trigger_candidates: Annotated[
        tuple[str, ...], Meta(description="What its author names as triggers; not the training tags")
    ]

    @classmethod
    def of(cls, inspected: Inspected) -> Self:
        """The inspection as clients see it."""
        return cls(
            hashes=convert(inspected.hashes, FileHashes, from_attributes=True),
            network=convert(inspected.network, FileNetwork, from_attributes=True),
            base_model=convert(inspected.base_model, BaseModelResource, from_attributes=True),
            embedded=claims_of(inspected.embedded),
            trigger_candidates=inspected.trigger_candidates,
        )


class UploadAnswer(Struct, frozen=True):
    """A file that was taken in."""

    file_path: Annotated[f.FilePath, Meta(description="What to register it under")]
    size_bytes: int
    sha256: str
    inspection: InspectionResource

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """The upload as clients see it."""
        inspected = upload.inspected
        return cls(upload.file_path, inspected.size_bytes, inspected.hashes.sha256, InspectionResource.of(inspected))
