"""Looking whether all that a deployment needs is as it should be."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Health(StrEnum):
    """How it stands with what was looked at."""

    GOOD = "good"
    DOUBTFUL = "doubtful"  # works, but something should be done
    BAD = "bad"  # does not work


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found out about one thing.

    :param subject: the thing, as its user knows it: ``database``, ``library root /srv/loras``
    :param finding: how it is, with figures; never a secret
    :param advice: what to do about it; None where nothing is to be done
    """

    subject: str
    health: Health
    finding: str
    advice: str | None = None


class Check(Protocol):
    """Looks at one kind of thing. It changes nothing that others would notice."""

    @abstractmethod
    async def look(self) -> Sequence[Diagnosis]:
        """What it finds, at least one line. Whatever is broken, MUST NOT raise, and MUST end within 15 s."""
