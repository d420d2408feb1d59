"""Ids from the machine's clock and randomness."""

import secrets
import threading
import time
from collections.abc import Callable
from uuid import UUID

from lora_manager.domain.ids import uuid7
from lora_manager.ports.identifiers import Identifiers

_COUNTER_BITS = 74
_START_BITS = _COUNTER_BITS - 1  # the top bit starts as 0, so that counting up has room for 2**73 ids


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000


class MonotonicIdentifiers(Identifiers):
    """Makes UUIDv7s, each above all before it, from any thread.

    Within one millisecond, and while the clock stands behind the last id, it counts up from that id.
    Source: RFC 9562, section 6.2, method 2.

    :param unix_ms: milliseconds since 1970
    :param random_bits: an integer of that many random bits
    """

    def __init__(
        self, unix_ms: Callable[[], int] = _unix_ms, random_bits: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._unix_ms = unix_ms
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._last_ms = -1
        self._counter = 0

    def new(self) -> UUID:
        with self._lock:
            now = self._unix_ms()
            if now > self._last_ms:
                self._last_ms = now
                self._counter = self._random_bits(_START_BITS)
            else:
                self._counter += 1
            return uuid7(self._last_ms, self._counter)
