"""Where work came from: the ids that log lines carry, from a request through the outbox to a worker.

What is stored for later (a delivery, a publication) keeps the trail it was made on; whoever works on it goes on there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType

REQUEST_ID, CALLER, DELIVERY_ID, TRACEPARENT = "request_id", "caller", "delivery_id", "traceparent"
_NONE: Mapping[str, str] = MappingProxyType({})
_trail: ContextVar[Mapping[str, str]] = ContextVar("trail", default=_NONE)


def trail() -> Mapping[str, str]:
    """The ids of what is worked on just now, by their names."""
    return _trail.get()


def go_on(**ids: str) -> None:
    """Add ids, until the block that follows the trail ends."""
    _trail.set({**_trail.get(), **ids})


def begin(ids: Mapping[str, str]) -> Token[Mapping[str, str]]:
    """Work on this trail until :func:`end`; for whoever has no time for :func:`following`."""
    return _trail.set(ids)


def end(beginning: Token[Mapping[str, str]]) -> None:
    """Work on the trail again that was left by :func:`begin`."""
    _trail.reset(beginning)


@contextmanager
def following(ids: Mapping[str, str], **more: str) -> Iterator[None]:
    """Work on this trail for as long as the block lasts."""
    beginning = begin({**ids, **more})
    try:
        yield
    finally:
        end(beginning)
