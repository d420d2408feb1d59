"""What is counted and measured."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The registry in numbers, as committed.

    :param adapters: that are not deleted
    :param active: of these
    :param pending: deliveries that wait for their first attempt, or for the next worker
    :param retrying: deliveries that wait for their next attempt
    :param running: deliveries that a worker holds
    :param waiting_s: seconds that the longest waiting delivery has been due, 0 where none is
    :param outbox: publications that wait
    :param outbox_age_s: seconds that the longest waiting publication has waited, 0 where none does
    """

    adapters: int
    active: int
    pending: int
    retrying: int
    running: int
    waiting_s: float
    outbox: int
    outbox_age_s: float


class FigureCatalog(Protocol):
    """Counts in the store."""

    @abstractmethod
    async def figures(self) -> Figures:
        """All of them, in one snapshot.

        :raises Unavailable: the store does not answer
        """


class Metrics(Protocol):
    """What this process counted. Each label MUST take few values, whatever clients send."""

    @property
    @abstractmethod
    def media_type(self) -> str:
        """Of :meth:`exposition`."""

    @abstractmethod
    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. MUST be quick and MUST NOT raise.

        :param route: the template of its path, ``/adapters/{id}``; empty where nothing is at its path
        """

    @abstractmethod
    def exposition(self, figures: Figures | None) -> bytes:
        """All that is counted, in Prometheus' text format.

        :param figures: None where the store does not answer: then they are left out, and said to be
        """


class NoMetrics(Metrics):
    """Counts nothing, for whoever has nobody to tell."""

    @property
    def media_type(self) -> str:
        return "text/plain"

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:  # noqa: ARG002  # see Metrics
        return

    def exposition(self, figures: Figures | None) -> bytes:  # noqa: ARG002  # see Metrics
        return b""
