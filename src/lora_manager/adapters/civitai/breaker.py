"""Leaving a service alone that is down."""

_FAILURES = 5
_COOLDOWN_S = 30.0
_LONGEST_S = 300.0


class CircuitBreaker:
    """Opens after 5 failures in a row, for 30 s; then one request may try, and each that fails doubles that, to 300 s.

    All times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._cooldown_s = _COOLDOWN_S
        self._open_until: float | None = None
        self._is_probing = False

    def closed_in(self, now: float) -> float | None:
        """How long no request may be sent, 0 while another one tries; None where this one may."""
        if self._open_until is None:
            return None
        if self._is_probing:
            return 0.0
        return self._open_until - now if now < self._open_until else None

    def began(self) -> bool:
        """A request is sent that :meth:`closed_in` allows; whether it is the one that tries while nobody else may."""
        self._is_probing = self._open_until is not None
        return self._is_probing

    def succeeded(self) -> None:
        """The service answers."""
        self._failures, self._cooldown_s, self._open_until, self._is_probing = 0, _COOLDOWN_S, None, False

    def failed(self, now: float) -> None:
        """The service does not answer, or not as it should."""
        self._failures += 1
        if self._is_probing:
            self._cooldown_s = min(self._cooldown_s * 2, _LONGEST_S)
            self._open_until, self._is_probing = now + self._cooldown_s, False
        elif self._open_until is None and self._failures >= _FAILURES:
            self._open_until = now + self._cooldown_s

    def gave_up(self) -> None:
        """The request that tried was given up without an answer: whoever comes next may try."""
        self._is_probing = False
