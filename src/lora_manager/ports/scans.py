"""Scans of the library: what runs, and what came of it."""

from abc import abstractmethod
from typing import Protocol
from uuid import UUID

from lora_manager.domain.scan import Scan


class ScanRepository(Protocol):
    """Scans inside a transaction."""

    @abstractmethod
    async def get(self, scan_id: UUID) -> Scan:
        """The scan with this id.

        :raises ScanNotFound: there is none
        """

    @abstractmethod
    async def put(self, scan: Scan) -> None:
        """Store the scan, new or changed; the last one put is the one kept."""
