"""New ids."""

from abc import abstractmethod
from typing import Protocol
from uuid import UUID


class Identifiers(Protocol):
    """Makes UUIDv7s; within one process each MUST sort after all it made before."""

    @abstractmethod
    def new(self) -> UUID: ...
