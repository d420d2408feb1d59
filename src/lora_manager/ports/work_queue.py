"""What tells workers that there is something to do.

The truth about deliveries is in the store; a queue only spares workers the wait until they look there again.
"""

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

OnWake = Callable[[], Awaitable[None]]


class WorkQueue(Protocol):
    """Wakes workers, as well as it can: a wake-up may be lost, come late, or come twice."""

    @abstractmethod
    async def wake(self, delivery_id: UUID) -> None:
        """Wake one worker, after what it is to find was committed. MUST return soon and MUST NOT raise."""

    @abstractmethod
    def listen(self, on_wake: OnWake) -> AbstractAsyncContextManager[None]:
        """Take wake-ups for as long as the block lasts.

        ``on_wake`` is awaited for one after the other: while it has not returned, other workers get the wake-ups.
        A broker that goes away MUST neither raise here nor end the listening.
        """
