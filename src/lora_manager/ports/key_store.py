"""API keys as they are kept."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from lora_manager.domain.access import ApiKey


class KeyStore(Protocol):
    """Keeps keys, never their texts. It is asked on every request, so ``are_kept`` and ``find`` MUST be quick.

    What one process changes, others see within a second. Keys that are there but cannot be read MUST raise
    ``Unavailable``: they never count as none.
    """

    @abstractmethod
    def are_kept(self) -> bool:
        """Whether a key was ever added here: where one was, nobody gets in without, whatever became of it.

        :raises Unavailable: that cannot be told
        """

    @abstractmethod
    def find(self, key_id: str) -> ApiKey | None:
        """The key with this id.

        :raises Unavailable: the keys cannot be read
        """

    @abstractmethod
    def all(self) -> Sequence[ApiKey]:
        """Every key, by the time it was made, those that are revoked or expired included. MUST be up to date.

        :raises Unavailable: the keys cannot be read
        """

    @abstractmethod
    def put(self, *keys: ApiKey) -> None:
        """Add these keys, each in the place of the one with its id, all or none; what others change at the same time
        stays. A key that is revoked MUST stay so. When this returns it survives a power cut.

        :raises Unavailable: they cannot be written
        """
