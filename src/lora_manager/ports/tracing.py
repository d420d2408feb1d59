"""Traces: what took how long, across processes."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol


class Tracer(Protocol):
    """Makes spans. It MUST NOT raise, and MUST cost next to nothing where nothing is traced."""

    @abstractmethod
    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:
        """What happens in the block, as a part of the span that is open, else of the one in ``trail()``.

        While the block lasts ``trail()`` holds the span's ``traceparent``, for whatever is stored or sent on.
        An exception that leaves the block is noted by its class alone: messages may hold what nobody should read.

        :param name: of the kind of work, from a small set: ``delivery attempt``
        :param attributes: never bodies, prompts, paths or secrets
        """


class NoTracer(Tracer):
    """Traces nothing."""

    def span(self, name: str, **attributes: str | int) -> AbstractContextManager[None]:  # noqa: ARG002  # see Tracer
        return _NO_SPAN


class _NoSpan(AbstractContextManager[None]):
    def __exit__(self, *_: object) -> None:
        return None


_NO_SPAN = _NoSpan()
