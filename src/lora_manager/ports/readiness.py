"""Whether the parts that the service needs answer."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable


@runtime_checkable
class Part(Protocol):
    """One thing the service cannot do without."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What users know it by: ``database``, ``queue``, ``blob store``, ``metadata store``."""

    @abstractmethod
    async def check(self) -> None:
        """Return when it answers.

        :raises Unavailable: it does not; the message says why and what to do
        :raises InvalidInput: it never will until a setting is changed, which the message names
        """
