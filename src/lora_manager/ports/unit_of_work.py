"""One transaction."""

from abc import abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from lora_manager.ports.deliveries import DeliveryRepository
from lora_manager.ports.loras import LoraRepository
from lora_manager.ports.publications import PublicationRepository
from lora_manager.ports.scans import ScanRepository


class UnitOfWork(Protocol):
    """All or nothing: what is not committed when the block ends MUST leave no trace.

    Writers MUST be serialised where they touch the same LoRAs or deliveries: of two that read, change and save the same
    one, the second sees the first's result. A store that is away raises ``Unavailable``.
    """

    @property
    @abstractmethod
    def loras(self) -> LoraRepository: ...

    @property
    @abstractmethod
    def scans(self) -> ScanRepository: ...

    @property
    @abstractmethod
    def deliveries(self) -> DeliveryRepository: ...

    @property
    @abstractmethod
    def publications(self) -> PublicationRepository: ...

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    async def commit(self) -> None:
        """Make everything durable and visible; when this returns it survives a power cut."""


BeginUnitOfWork = Callable[[], UnitOfWork]
