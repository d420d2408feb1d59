"""LoRAs and deliveries to store; each new one has an id of its own, above all before it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from lora_manager.domain.delivery import Content, Delivery, Mode
from lora_manager.domain.file.facts import Embedded, Hashes, Network
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.ids import uuid7
from lora_manager.domain.lora import Lora

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)
LEASE = timedelta(seconds=30)
_numbers = itertools.count()


def new_id() -> UUID:
    """A UUIDv7 above all made before."""
    return uuid7(1_750_000_000_000, next(_numbers))


def a_lora(name: str = "ink", **fields: Any) -> Lora:  # noqa: ANN401  # whatever a LoRA has
    """A LoRA of this name."""
    lora_id = fields.pop("id", None) or new_id()
    return Lora(
        **{"file_path": f"/loras/{lora_id}.safetensors", "created_at": NOW, "updated_at": NOW, **fields},
        id=lora_id,
        name=name,
    )


def a_record(content: str = "0", *, tensors: str | None = None, **fields: Any) -> FileRecord:  # noqa: ANN401  # likewise
    """A file with this content, told by one hexadecimal digit; ``tensors`` is that of AutoV3 where it differs."""
    hashes = Hashes(content * 64, content * 8, content * 10, (tensors or content) * 12)
    network = Network("lora", 16, 8, 32, 8.0, 264, 792, ("BF16", "F32"))
    return FileRecord(
        **{
            "checked_at": NOW,
            "size_bytes": 1_000,
            "modified_ns": 1_750_000_000_123_456_789,
            "hashes": hashes,
            "network": network,
            "embedded": Embedded(
                title="Ink", clip_skip=2, network_alpha=0.5, training_tags=(("1girl", 12), ("ink", 3))
            ),
            **fields,
        }
    )


def a_delivery(**fields: Any) -> Delivery:  # noqa: ANN401  # likewise
    """A delivery that was accepted and not yet claimed."""
    given = {"prompt": "ink", "mode": Mode.HTTP, "params": {"host": "127.0.0.1"}, "content": Content("ink")}
    return Delivery(**{"id": new_id(), "created_at": NOW, **given, **fields}).accept()[0]


def claimed(delivery: Delivery, now: datetime = NOW) -> Delivery:
    """The same, claimed at this moment for the time of a lease."""
    return delivery.claim("a worker", now=now, lease=LEASE)[0]
