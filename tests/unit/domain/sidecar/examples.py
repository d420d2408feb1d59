"""Sidecars as other tools leave them, and LoRAs to write them for."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lora_manager.domain.file.facts import Embedded, Hashes, Network
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.ids import uuid7
from lora_manager.domain.lora import Lora
from lora_manager.domain.sidecar import Told, read_sidecars

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HASHES = Hashes("ab" * 32, "ab" * 4, "ab" * 5, "cd" * 6)

CARD: dict[str, Any] = {
    "description": "Ink on wet paper",
    "sd version": "SDXL",
    "activation text": "ink wash, harbour",
    "preferred weight": 0.8,
    "negative text": "photo",
    "notes": "",
}
"""What AUTOMATIC1111 writes."""

ANSWER: dict[str, Any] = {
    "id": 1234567,
    "modelId": 765432,
    "name": "v1.0",
    "trainedWords": ["inkwash style"],
    "baseModel": "Illustrious",
    "description": "<p>First version</p>",
    "model": {"name": "Ink Wash", "type": "LORA", "nsfw": False},
    "files": [{"name": "inkwash.safetensors", "primary": True, "hashes": {"SHA256": "AB" * 32, "AutoV3": "CD" * 6}}],
    "images": [{"url": "https://image.civitai.com/x/original=true/1.jpeg", "nsfwLevel": 1, "type": "image"}],
}
"""What CivitAI answers, and Civitai Helper keeps."""

RECORD: dict[str, Any] = {
    "file_name": "ink",
    "model_name": "Ink Wash",
    "file_path": "/loras/ink.safetensors",
    "size": 1000,
    "modified": 1.7e9,
    "sha256": "ab" * 32,
    "base_model": "Illustrious",
    "preview_url": "/loras/ink.webp",
    "preview_nsfw_level": 0,
    "notes": "Best below 0.9",
    "from_civitai": True,
    "civitai": ANSWER,
    "tags": ["style", "ink"],
    "modelDescription": "<p>Ink &amp; water</p>",
    "favorite": True,
    "exclude": False,
    "usage_tips": '{"strength": 0.7, "clip_strength": 0.5}',
}
"""What ComfyUI-Lora-Manager writes."""


def told(**documents: object) -> Told:
    """What the sidecars of ``ink`` say, each given as JSON by what follows the stem, ``_`` for a dot."""
    files = {f"ink{suffix.replace('_', '.')}": json.dumps(document).encode() for suffix, document in documents.items()}
    return read_sidecars(files, HASHES)


def lora(**changes: Any) -> Lora:  # noqa: ANN401  # whatever fields a test needs
    """A registered LoRA, with its file."""
    file = FileRecord(
        checked_at=NOW,
        size_bytes=1000,
        hashes=HASHES,
        network=Network("lora", 8, 8, 8, 8.0, modules=1, tensors=3, dtypes=("F16",)),
        embedded=Embedded(),
    )
    path = "/loras/ink.safetensors"
    plain = Lora(id=uuid7(1, 1), name="ink", file_path=path, file=file, created_at=NOW, updated_at=NOW)
    return replace(plain, **changes)
