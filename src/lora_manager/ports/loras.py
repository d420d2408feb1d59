"""The registry's write side: LoRAs inside a transaction."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from lora_manager.domain.lora import Lora


class LoraRepository(Protocol):
    """LoRAs as one :class:`~lora_manager.ports.unit_of_work.UnitOfWork` sees them, deleted ones included.

    What a method returns MUST stay as it is until the unit of work ends: nobody else can change it meanwhile, or an
    attempt to save a change of it raises. Changes become visible to others at commit, all or none.
    """

    @abstractmethod
    async def get(self, *lora_ids: UUID) -> Sequence[Lora]:
        """The LoRAs with these ids, in this order, each once; unknown ids are left out."""

    @abstractmethod
    async def matching(
        self, *, paths: Collection[str] = (), sha256s: Collection[str] = (), names: Collection[str] = ()
    ) -> Sequence[Lora]:
        """Every LoRA that has one of these file paths, contents or names, ordered by id, each once."""

    @abstractmethod
    async def add(self, *loras: Lora) -> None:
        """Store new LoRAs.

        :raises NameTaken: a LoRA that is not deleted has the name and version of one of these; nothing is stored, and
            the unit of work MUST stay usable
        :raises Conflict: a LoRA with the id of one of these is stored already
        """

    @abstractmethod
    async def save(self, *loras: Lora) -> None:
        """Store changed LoRAs, each exactly one revision after the stored one.

        :raises NameTaken: as :meth:`add`
        :raises StaleRevision: the stored revision is another one
        :raises LoraNotFound: nothing is stored under this id
        """
