"""Where metadata documents are published."""

from abc import abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from lora_manager.domain.errors import Conflict


class Superseded(Conflict):
    """The published document is of a later revision than the one to publish."""

    def __init__(self, uri: str, published: int, refused: int) -> None:
        self.uri = uri
        self.published = published
        self.refused = refused
        super().__init__(
            f"{uri} holds revision {published}, later than revision {refused} here: another registry publishes to the "
            "same place, or this one was put back to an older state; give one of them another METADATA_PREFIX, or "
            "remove that document"
        )


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """A document where others read it.

    :param version: opaque; another document has another one
    """

    lora_id: UUID
    uri: str
    version: str


class MetadataSink(Protocol):
    """Publishes one document for each LoRA. It raises ``Unavailable`` and ``InvalidInput`` as a ``BlobStore`` does."""

    @abstractmethod
    async def publish(
        self, lora_id: UUID, document: bytes, revision: int, known_version: str | None = None
    ) -> PublishedDocument:
        """Publish a document, in place of any of the same or an earlier revision.

        A document of a later revision MUST never be replaced, whoever else writes at the same moment. One that is there
        already, byte for byte, is not written again. Once this returns, a reader gets the document.

        :param revision: of the LoRA that the document describes
        :param known_version: of the document believed to be there, which is of an earlier revision; a right guess saves
            looking
        :raises Superseded: a later revision is published
        """

    @abstractmethod
    async def withdraw(self, lora_id: UUID) -> None:
        """Make the document disappear; there being none is as good."""

    @abstractmethod
    def list(self) -> AsyncGenerator[PublishedDocument, None]:
        """Every document that is published, ordered by LoRA; what else lies there is passed over."""
