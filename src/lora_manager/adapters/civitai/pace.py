"""How fast an outside service may be asked, by all who ask it in this process together."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from lora_manager.adapters.civitai.breaker import CircuitBreaker
from lora_manager.domain.errors import Unavailable

_PER_SECOND = 3.0
_SLOWEST = 0.1  # requests per second
_REGAINED = 0.1  # requests per second, with every good answer
_SLOW_S = 5.0
_LONGEST_WAIT_S = 120.0
# Source: https://developer.civitai.com/site/guide advises 1 s to 30 s
_BACKOFF_S = 1.0
_BACKOFF_CAP_S = 30.0
_DOUBLINGS = 5  # enough to pass the cap, few enough to raise to


class Fault(Exception):
    """A request was not answered as it should have been; ``str()`` says how, without naming the service.

    :param is_passing: whether trying again may help
    :param wait: how long the service wants to be left alone; None where it does not say
    """

    def __init__(self, reason: str, *, is_passing: bool, wait: timedelta | None = None) -> None:
        self.is_passing = is_passing
        self.wait = wait
        super().__init__(reason)


class Throttled(Fault):
    """The service answers, and asks for fewer requests."""


class Pace:
    """Lets requests go one after another: at most so many a second, fewer while the service is slow or says so.

    The rate halves with every 429 and every answer that takes longer than 5 s, and grows again with every good answer.
    After a fault nobody asks for a while, longer after each further one; after 5 failures in a row nobody asks for 30 s
    and more, but for one who tries (:class:`CircuitBreaker`).

    :param per_second: the highest rate, with which it starts
    :param clock: monotonic seconds
    :param sleep: waits for seconds
    :param chance: a random number in 0..1
    """

    def __init__(
        self,
        *,
        per_second: float = _PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._highest = self._rate = per_second
        self._clock = clock
        self._sleep = sleep
        self._chance = chance
        self._next_at = clock()
        self._quiet_until = clock()
        self._faults = 0
        self._last_fault = ""
        self._breaker = CircuitBreaker()

    @property
    def per_second(self) -> float:
        """The rate now."""
        return self._rate

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait for a turn to send one request; what the block raises tells how it went.

        :param who: the service, for messages
        :raises Unavailable: the service is to be left alone for longer than one waits
        """
        await self._wait(who)
        is_trying = self._breaker.began()
        begun = self._clock()
        try:
            yield
        except Throttled as throttled:
            self._breaker.succeeded()
            self._slow_down()
            self._stay_quiet(throttled)
            raise
        except Fault as fault:
            self._breaker.failed(self._clock())
            self._stay_quiet(fault)
            raise
        except BaseException:
            if is_trying:
                self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        self._faults = 0
        if self._clock() - begun > _SLOW_S:
            self._slow_down()
        else:
            self._rate = min(self._rate + _REGAINED, self._highest)

    async def _wait(self, who: str) -> None:
        self._require_welcome(who)
        while (wait_s := max(self._next_at, self._quiet_until) - self._clock()) > 0:
            await self._sleep(wait_s)
            self._require_welcome(who)  # which may have changed meanwhile, as may the moment
        self._next_at = self._clock() + 1 / self._rate

    def _require_welcome(self, who: str) -> None:
        closed_s = self._breaker.closed_in(self._clock())
        if closed_s is not None:
            when = f"in {max(round(closed_s), 1)} s" if closed_s else "once the request that tries now is answered"
            raise Unavailable(f"{who} failed several times in a row, last because {self._last_fault}; ask again {when}")
        quiet_s = self._quiet_until - self._clock()
        if quiet_s > _LONGEST_WAIT_S:
            raise Unavailable(f"{who} asks to be left alone; ask again in {round(quiet_s / 60)} minutes")

    def _slow_down(self) -> None:
        self._rate = max(self._rate / 2, _SLOWEST)

    def _stay_quiet(self, fault: Fault) -> None:
        """Half to all of a time that doubles with every fault in a row, or as long as the service says."""
        self._last_fault = str(fault)
        wait_s = min(_BACKOFF_S * 2 ** min(self._faults, _DOUBLINGS), _BACKOFF_CAP_S) * (1 + self._chance()) / 2
        self._faults += 1
        if fault.wait is not None:
            wait_s = fault.wait.total_seconds()
        self._quiet_until = max(self._quiet_until, self._clock() + wait_s)
