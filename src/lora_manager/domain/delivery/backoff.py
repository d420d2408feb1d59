"""How long to wait before trying again.

Full jitter: any time up to the limit, so that many that failed together do not come back together.
Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
"""

from datetime import timedelta

BASE = timedelta(seconds=2)
CAP = timedelta(seconds=300)
_DOUBLINGS = 16  # enough to pass the cap, few enough to multiply with


def backoff(failures: int, chance: float) -> timedelta:
    """The wait after so many failures in a row.

    :param failures: 1 or more
    :param chance: a random number in 0..1
    :return: 0 to 2 s after the first failure, up to twice as long after each further one, never above 300 s
    """
    doublings = min(failures - 1, _DOUBLINGS)
    return min(BASE * (1 << doublings), CAP) * chance
