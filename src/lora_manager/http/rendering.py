"""Adapters as JSON, each revision rendered once, and what compositions have in common."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import is_
from types import MappingProxyType
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import Composition
from lora_manager.domain.publication import Publication
from lora_manager.http.answer import to_json
from lora_manager.http.schemas.adapter import AdapterResource
from lora_manager.http.schemas.prompts import EntryResource, MemberResource, WarningResource

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
        self._rendered: OrderedDict[int, tuple[_Version, bytes]] = OrderedDict()

    def one(self, lora: Lora, publication: Publication | None = None) -> bytes:
        """The adapter as JSON.

        :param publication: of its metadata; None where nothing is published
        """
        version = (lora.revision, lora.updated_at, publication)
        key = lora.id.int  # the hash of a UUID is computed in Python, each time
        known = self._rendered.get(key)
        if known is not None:
            self._rendered.move_to_end(key)
            if known[0] == version:
                return known[1]
            self._bytes -= len(known[1])
        rendered = to_json(AdapterResource.of(lora, publication))
        self._rendered[key] = version, rendered
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


class RenderedCompositions:
    """The JSON of the latest composition but for its prompt: while nothing changes the next one has the very same."""

    def __init__(self) -> None:
        self._parts: tuple[object, ...] = ()
        self._rendered = b""

    def beside_prompt(self, composition: Composition) -> bytes:
        """The fields behind the prompt, as ``ComposeAnswer`` has them.

        :param composition: its parts never change: what are the same objects have the same JSON
        """
        _, *parts = composition
        if len(parts) != len(self._parts) or not all(map(is_, parts, self._parts)):
            self._parts, self._rendered = tuple(parts), self._render(composition)
        return self._rendered

    def _render(self, composition: Composition) -> bytes:
        entries = EntryResource.all_of(composition.structured)
        return b'"tokens":%b,"warnings":%b,"adapters":%b%b' % (
            to_json(composition.tokens),
            to_json(WarningResource.all_of(composition.warnings)),
            to_json(MemberResource.all_of(composition.members)),
            b',"loras":%b' % to_json(entries) if entries else b"",
        )
