"""The registry's read side: what is committed, without a transaction."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import DuplicateGroup
from lora_manager.domain.scan import KnownFile
from lora_manager.domain.selection import Page, Selection


class LoraCatalog(Protocol):
    """Answers from the LoRAs that are not deleted. Every answer MUST hold all that was committed before the call."""

    @abstractmethod
    async def get(self, lora_id: UUID) -> Lora:
        """The LoRA with this id.

        :raises LoraNotFound: there is none, or it was deleted
        """

    @abstractmethod
    async def find(self, *, ids: Collection[UUID] = (), names: Collection[str] = ()) -> Sequence[Lora]:
        """Every LoRA with one of these ids or names, in canonical order (``Lora.order_key``), each once."""

    @abstractmethod
    async def active(self) -> Sequence[Lora]:
        """The active LoRAs, in canonical order."""

    @abstractmethod
    async def page(self, selection: Selection) -> Page:
        """One page, as ``Selection`` defines it. ``next_cursor`` is None on the last page."""


class LibraryReport(Protocol):
    """Answers about the library as a whole, as committed."""

    @abstractmethod
    async def tags(self) -> Sequence[tuple[str, int]]:
        """Each tag with the number of LoRAs that carry it, most used first, then by code point."""

    @abstractmethod
    async def duplicates(self) -> Sequence[DuplicateGroup]:
        """The groups that ``domain.registry.duplicates`` finds among the LoRAs that are not deleted, in its order."""

    @abstractmethod
    async def known_files(self, folder: str) -> Sequence[KnownFile]:
        """The files registered at this path or below it, deleted entries included, ordered by path."""
