"""A LoRA as a row of ``adapters``, and back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column

from lora_manager.adapters.database.tables import adapters
from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import search_text

_MAX_INTEGER = 2**63 - 1  # both databases keep integers of 64 bits

_c = adapters.c
# In the order of from_row.
LORA_COLUMNS: tuple[Column[Any], ...] = (
    _c.id,
    _c.name,
    _c.file_path,
    _c.created_at,
    _c.updated_at,
    _c.version,
    _c.title,
    _c.description,
    _c.tags,
    _c.weight,
    _c.te_weight,
    _c.active,
    _c.ordinal,
    _c.triggers,
    _c.archetype,
    _c.archetype_confidence,
    _c.base_model,
    _c.preview_url,
    _c.file,
    _c.validation,
    _c.provenance,
    _c.revision,
    _c.deleted_at,
)


def from_row(row: Sequence[Any]) -> Lora:
    """The LoRA that :data:`LORA_COLUMNS` of one row hold."""
    return Lora(
        id=row[0],
        name=row[1],
        file_path=row[2],
        created_at=row[3],
        updated_at=row[4],
        version=row[5],
        title=row[6],
        description=row[7],
        tags=row[8],
        weight=row[9],
        te_weight=row[10],
        active=row[11],
        ordinal=row[12],
        triggers=row[13],
        archetype=row[14],
        archetype_confidence=row[15],
        base_model=row[16],
        preview_url=row[17],
        file=row[18],
        validation=row[19],
        provenance=row[20],
        revision=row[21],
        deleted_at=row[22],
    )


def to_row(lora: Lora) -> dict[str, Any]:
    """The value of every column that is not computed, by name."""
    file = lora.file
    return {
        "id": lora.id,
        "name": lora.name,
        "file_path": lora.file_path,
        "created_at": lora.created_at,
        "updated_at": lora.updated_at,
        "version": lora.version,
        "title": lora.title,
        "description": lora.description,
        "tags": lora.tags,
        "weight": lora.weight,
        "te_weight": lora.te_weight,
        "active": lora.active,
        "ordinal": lora.ordinal,
        "triggers": lora.triggers,
        "archetype": lora.archetype,
        "archetype_confidence": lora.archetype_confidence,
        "base_model": lora.base_model,
        "preview_url": lora.preview_url,
        "file": file,
        "validation": lora.validation,
        "provenance": dict(lora.provenance),
        "revision": lora.revision,
        "deleted_at": lora.deleted_at,
        "search_text": search_text(lora),
        "validation_state": lora.validation.state,
        "file_state": file and file.state,
        "size_bytes": file and file.size_bytes,
        "modified_ns": file and _storable(file.modified_ns),
        "sha256": file and file.hashes.sha256,
        "autov3": file and file.hashes.autov3,
    }


def _storable(modified_ns: int | None) -> int | None:
    """A file system may claim a time beyond the year 2262; not stored, it only makes the file be read again."""
    return modified_ns if modified_ns is not None and abs(modified_ns) <= _MAX_INTEGER else None
