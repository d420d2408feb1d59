"""A LoRA file as clients see it."""

from dataclasses import fields
from typing import Annotated, Self, TypeAlias

from msgspec import Meta, Struct, convert

from lora_manager.domain.file.facts import Embedded
from lora_manager.domain.file.record import FileRecord, FileState
from lora_manager.http.schemas import fields as f

_Claims: TypeAlias = dict[str, str | int | float | list[tuple[str, int]]]
FileClaims = Annotated[_Claims, Meta(description="What its metadata says of itself; a fact it does not tell is absent")]


class FileHashes(Struct, frozen=True):
    """The digests by which sites and runtimes name the file, in lower-case hexadecimal."""

    sha256: str
    autov1: str
    autov2: str
    autov3: str
    crc32: str | None
    blake3: str | None


class FileNetwork(Struct, frozen=True):
    """The add-on network in the file."""

    kind: Annotated[str, Meta(examples=["lora"])]
    rank: int | None
    rank_min: int | None
    rank_max: int | None
    alpha: float | None
    modules: int
    tensors: int
    dtypes: tuple[str, ...]


class FileResource(Struct, frozen=True):
    """The file as last verified."""

    state: FileState
    checked_at: f.Moment
    detail: Annotated[str | None, Meta(description="Why it is unreadable")]
    hashes: FileHashes
    network: FileNetwork
    embedded: FileClaims

    @classmethod
    def of(cls, file: FileRecord) -> Self:
        """The file as clients see it."""
        return cls(
            state=file.state,
            checked_at=f.moment(file.checked_at),
            detail=file.detail,
            hashes=convert(file.hashes, FileHashes, from_attributes=True),
            network=convert(file.network, FileNetwork, from_attributes=True),
            embedded=claims_of(file.embedded),
        )


def claims_of(embedded: Embedded) -> _Claims:
    """The facts that a file's metadata does tell."""
    told = {field.name: getattr(embedded, field.name) for field in fields(embedded)}
    return {name: value for name, value in told.items() if value not in (None, ())}
