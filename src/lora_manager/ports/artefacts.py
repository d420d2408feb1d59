"""What deliveries leave behind: prompt files, images."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Artefact:
    """A stored file.

    :param uri: where it is: an absolute path, or ``s3://bucket/key``
    """

    name: str
    uri: str
    size_bytes: int
    sha256: str


class ArtefactStore(Protocol):
    """Keeps files by delivery and name."""

    @abstractmethod
    async def put(self, delivery_id: UUID, name: str, content: bytes) -> Artefact:
        """Store a file, whole or not at all, in place of one of the same name.

        :param name: letters, digits, ``.``, ``_`` and ``-``, not beginning with ``.``
        :raises Unavailable: the store does not take it now (a full disk, a missing right)
        """
