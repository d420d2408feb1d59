"""The metadata document of a LoRA: what is published of it for others to read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora
from lora_manager.domain.trigger import Trigger

MEDIA_TYPE = "application/json"


def metadata_document(lora: Lora) -> bytes:
    """The document as UTF-8 JSON: the same bytes for the same facts, always with the same keys in the same order.

    Its ``preview_url`` is left out (null) where the address itself gives access, by a password or a signature in it.
    """
    facts: dict[str, object] = {
        "id": str(lora.id),
        "name": lora.name,
        "file_path": lora.file_path,
        "sha256": lora.sha256,
        "size_bytes": lora.size_bytes,
        "tags": lora.tags,
        "created_at": _moment(lora.created_at),
        "preview_url": lora.preview_url if _is_public(lora.preview_url) else None,
        "version": lora.version,
        "title": lora.title,
        "description": lora.description,
        "triggers": [_trigger(trigger) for trigger in lora.triggers],
        "base_model": lora.base_model,
        "weight": lora.weight,
        "te_weight": lora.te_weight,
        "active": lora.active,
        "ordinal": lora.ordinal,
        "archetype": lora.archetype,
        "archetype_confidence": None if lora.archetype_confidence is None else lora.archetype_confidence + 0.0,
        "hashes": None if lora.file is None else _hashes(lora.file.hashes),
        "updated_at": _moment(lora.updated_at),
        "revision": lora.revision,
    }
    return json.dumps(facts, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n"


def revision_of(document: bytes) -> int | None:
    """The revision that a published document is of; None where it is none of ours."""
    try:
        facts = json.loads(document)
    except (ValueError, RecursionError):
        return None
    revision = facts.get("revision") if isinstance(facts, dict) else None
    return revision if type(revision) is int and revision >= 1 else None  # true is an int, too


def _moment(moment: datetime) -> str:
    """RFC 3339 with microseconds, so that equal times are equal texts."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _trigger(trigger: Trigger) -> Mapping[str, object]:
    return {"text": trigger.text, "group": trigger.group, "status": trigger.status.value}


def _hashes(hashes: Hashes) -> Mapping[str, object]:
    return {
        "sha256": hashes.sha256,
        "autov1": hashes.autov1,
        "autov2": hashes.autov2,
        "autov3": hashes.autov3,
        "crc32": hashes.crc32,
        "blake3": hashes.blake3,
    }


def _is_public(url: str | None) -> bool:
    """Whether the address may be told to anybody."""
    from lora_manager.domain.delivery.masking import gives_access  # noqa: PLC0415  # what only publishing needs

    return url is None or not gives_access(url)
