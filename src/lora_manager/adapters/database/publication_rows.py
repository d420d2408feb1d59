"""A publication as a row of ``publications``, and back."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column

from lora_manager.adapters.database.tables import publications
from lora_manager.domain.events import EventName
from lora_manager.domain.publication import Publication

_c = publications.c
# In the order of from_row.
PUBLICATION_COLUMNS: tuple[Column[Any], ...] = (
    _c.adapter_id,
    _c.event,
    _c.revision,
    _c.waiting_since,
    _c.due_at,
    _c.attempts,
    _c.published_revision,
    _c.version,
    _c.uri,
    _c.synced_at,
    _c.detail,
    _c.trail,
)
_EVENTS = {event.value: event for event in EventName}


def from_row(row: Sequence[Any]) -> Publication:
    """The publication that :data:`PUBLICATION_COLUMNS` of one row hold."""
    return Publication(
        lora_id=row[0],
        event=_EVENTS[row[1]],
        revision=row[2],
        waiting_since=row[3],
        due_at=row[4],
        attempts=row[5],
        published_revision=row[6],
        version=row[7],
        uri=row[8],
        synced_at=row[9],
        detail=row[10],
        trail=row[11] or {},
    )


def to_row(publication: Publication) -> dict[str, Any]:
    """The value of every column, by name."""
    return {
        "adapter_id": publication.lora_id,
        "event": publication.event,
        "revision": publication.revision,
        "waiting_since": publication.waiting_since,
        "due_at": publication.due_at,
        "attempts": publication.attempts,
        "published_revision": publication.published_revision,
        "version": publication.version,
        "uri": publication.uri,
        "synced_at": publication.synced_at,
        "detail": publication.detail,
        "trail": dict(publication.trail) or None,
    }
