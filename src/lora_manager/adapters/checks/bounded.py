"""What every check has in common: it tells of whatever goes wrong, and ends in time."""

import asyncio
import traceback
from abc import abstractmethod
from collections.abc import Sequence

from lora_manager.domain.errors import Failure
from lora_manager.ports.diagnosis import Check, Diagnosis, Health

PATIENCE_S = 12.0  # of the 15 s that a check may take; the rest is for giving up


class BoundedCheck(Check):
    """Looks for as long as its patience lasts.

    :param subject: what is looked at
    :param way_out: what to do where it does not answer
    :param patience_s: seconds
    """

    def __init__(
        self, subject: str, *, way_out: str = "check that it is there and well", patience_s: float = PATIENCE_S
    ) -> None:
        self.subject = subject
        self._way_out = way_out
        self._patience_s = patience_s

    async def look(self) -> Sequence[Diagnosis]:
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._look()
        except TimeoutError:
            return [self.bad(f"does not answer within {self._patience_s:g} s", self._way_out)]
        except Failure as failure:
            return [self.of_failure(failure)]
        except Exception as error:  # noqa: BLE001  # one check that is at fault must not keep the others from telling
            return [self.bad(f"could not be looked at: {_without_secrets(error)}", "please report this")]

    @abstractmethod
    async def _look(self) -> Sequence[Diagnosis]:
        """What it finds.

        :raises Failure: the subject is bad, for this reason
        """

    def good(self, finding: str) -> Diagnosis:
        """All is well."""
        return Diagnosis(self.subject, Health.GOOD, finding)

    def doubtful(self, finding: str, advice: str) -> Diagnosis:
        """It works, but something should be done."""
        return Diagnosis(self.subject, Health.DOUBTFUL, finding, advice)

    def bad(self, finding: str, advice: str) -> Diagnosis:
        """It does not work."""
        return Diagnosis(self.subject, Health.BAD, finding, advice)

    def of_failure(self, failure: Failure, health: Health = Health.BAD) -> Diagnosis:
        """What a failure says: its cause, and behind the first semicolon the way out."""
        finding, _, advice = " ".join(str(failure).split()).partition("; ")
        return Diagnosis(self.subject, health, finding, advice or None)


def _without_secrets(error: Exception) -> str:
    """What a fault is, and where: its message may hold an address with its password."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name}, line {frames[-1].lineno}"
