"""Content on its way into a store, whichever it is."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

from lora_manager.domain.blob import InvalidKey, check_key

_WORTH_A_THREAD = 1 << 16  # bytes; fewer are hashed sooner than another thread is woken

T = TypeVar("T")


class Digest(Protocol):
    """What hashlib's hashes have in common."""

    def update(self, data: bytes, /) -> None:
        """Take in the next bytes."""


async def regrouped(content: AsyncIterable[bytes], sizes: Iterable[int]) -> AsyncGenerator[bytes, None]:
    """The same bytes in pieces of these sizes, of which the last may be shorter; none where there are no bytes.

    :param sizes: in bytes, each above 0, without an end
    """
    wanted = iter(sizes)
    missing = next(wanted)
    held: list[bytes | memoryview] = []
    async for chunk in content:
        rest: bytes | memoryview = chunk
        while len(rest) >= missing:
            held.append(rest if len(rest) == missing else memoryview(rest)[:missing])
            rest = memoryview(rest)[missing:]
            yield b"".join(held)
            held.clear()
            missing = next(wanted)
        if rest:
            held.append(rest)
            missing -= len(rest)
    if held:
        yield b"".join(held)


async def digest_in(digest: Digest, content: bytes) -> None:
    """Take content in, away from the event loop where that is worth it."""
    if len(content) < _WORTH_A_THREAD:
        digest.update(content)
    else:
        await asyncio.to_thread(digest.update, content)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await work that must not be left half done: a cancellation is passed on only after it ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def is_key(text: str) -> bool:
    """Whether a store that others write to too has something under this name that can be asked for."""
    try:
        check_key(text)
    except InvalidKey:
        return False
    return True
