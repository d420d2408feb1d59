"""Adapters as JSON, each revision rendered once, and the members of a composition."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import ComposedMember
from lora_manager.domain.publication import Publication
from lora_manager.http.answer import to_json
from lora_manager.http.schemas.adapter import AdapterResource
from lora_manager.http.schemas.prompts import MemberResource

MAX_BYTES = 64 * 2**20
_Version = tuple[int, datetime, Publication | None]
_NONE: Mapping[UUID, Publication] = MappingProxyType({})


class RenderedAdapters:
    """The JSON of adapters, least recently used ones dropped when it becomes too much.

    Of each adapter the version that was asked for last is kept. A revision never changes, and where its publication
    stands is part of the version, so nothing here can be out of date. The time beside the revision tells apart those of
    a database that was put back to an older state.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._rendered: OrderedDict[UUID, tuple[_Version, bytes]] = OrderedDict()

    def one(self, lora: Lora, publication: Publication | None = None) -> bytes:
        """The adapter as JSON.

        :param publication: of its metadata; None where nothing is published
        """
        version = (lora.revision, lora.updated_at, publication)
        known = self._rendered.get(lora.id)
        if known is not None:
            self._rendered.move_to_end(lora.id)
            if known[0] == version:
                return known[1]
            self._bytes -= len(known[1])
        rendered = to_json(AdapterResource.of(lora, publication))
        self._rendered[lora.id] = version, rendered
        self._bytes += len(rendered)
        while self._bytes > self._max_bytes:
            _, (_, dropped) = self._rendered.popitem(last=False)
            self._bytes -= len(dropped)
        return rendered

    def many(self, loras: Iterable[Lora], publications: Mapping[UUID, Publication] = _NONE) -> bytes:
        """The adapters as a JSON array."""
        if not publications:  # often nothing is published: then it takes no look-ups
            return b"[%b]" % b",".join(map(self.one, loras))
        return b"[%b]" % b",".join([self.one(lora, publications.get(lora.id)) for lora in loras])


class RenderedMembers:
    """The JSON of the members of the latest composition: as long as nothing changes, the next one has the very same."""

    def __init__(self) -> None:
        self._members: Sequence[ComposedMember] | None = None
        self._rendered = b""

    def of(self, members: Sequence[ComposedMember]) -> bytes:
        """The members as JSON.

        :param members: they never change: what is the same object has the same JSON
        """
        if members is not self._members:
            self._members, self._rendered = members, to_json(MemberResource.all_of(members))
        return self._rendered
