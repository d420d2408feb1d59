"""Adapters as JSON, each revision rendered once."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.http.answer import to_json
from lora_manager.http.schemas.adapter import AdapterResource

MAX_BYTES = 64 * 2**20
_Key = tuple[UUID, int, datetime]


class RenderedAdapters:
    """The JSON of adapters, least recently used ones dropped when it becomes too much.

    A revision never changes, so nothing here can be out of date. The time beside it tells apart the revisions of a
    database that was put back to an older state.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._rendered: OrderedDict[_Key, bytes] = OrderedDict()

    def one(self, lora: Lora) -> bytes:
        """The adapter as JSON."""
        key = (lora.id, lora.revision, lora.updated_at)
        rendered = self._rendered.get(key)
        if rendered is not None:
            self._rendered.move_to_end(key)
            return rendered
        rendered = to_json(AdapterResource.of(lora))
        self._rendered[key] = rendered
        self._bytes += len(rendered)
        while self._bytes > self._max_bytes:
            _, dropped = self._rendered.popitem(last=False)
            self._bytes -= len(dropped)
        return rendered

    def many(self, loras: Iterable[Lora]) -> bytes:
        """The adapters as a JSON array."""
        return b"[%b]" % b",".join(map(self.one, loras))
