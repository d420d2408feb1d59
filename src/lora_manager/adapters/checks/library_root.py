"""Looking at one library root."""

import os
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.adapters.library.names import is_safetensors
from lora_manager.ports.diagnosis import Diagnosis

SETTING = "LIBRARY_ROOTS"
_COUNTING_S = 3.0
_MOUNTED = f"check that its disk is mounted, or correct {SETTING}"
_PERMITTED = "let the user that runs the service read it"


@dataclass(slots=True)
class _Seen:
    """What was seen below a root so far.

    :param refused: folders that cannot be read, the root first if it is one
    :param is_all: whether there was time for everything
    """

    files: int = 0
    refused: list[OSError] = field(default_factory=list)
    is_all: bool = True


class LibraryRoot(BoundedCheck):
    """Looks whether it can be read, and how many LoRA files lie in it, those in linked folders left out.

    :param root: absolute
    :param counting_s: seconds for counting; what has not been counted by then is not
    :param clock: monotonic seconds
    """

    def __init__(
        self,
        root: str,
        *,
        counting_s: float = _COUNTING_S,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(f"library root {root}", way_out=_MOUNTED, patience_s=patience_s)
        self._root = root
        self._counting_s = counting_s
        self._clock = clock

    async def _look(self) -> Sequence[Diagnosis]:
        return [await apart(self._judged)]

    def _judged(self) -> Diagnosis:
        return self._not_a_folder() or self._by_content(self._count())

    def _not_a_folder(self) -> Diagnosis | None:
        """What stands in the place of a folder; None where one does."""
        try:
            mode = os.stat(self._root).st_mode
        except FileNotFoundError:
            if os.path.islink(self._root):
                return self.bad(f"is a link to {os.readlink(self._root)}, which is not there", _MOUNTED)
            return self.bad("is not there", f"make it, {_MOUNTED}")
        except OSError as error:
            return self.bad(f"cannot be reached: {error.strerror}", _MOUNTED)
        return None if stat.S_ISDIR(mode) else self.bad("is no folder", f"correct {SETTING}")

    def _by_content(self, seen: _Seen) -> Diagnosis:
        if seen.refused and seen.refused[0].filename == self._root:
            return self.bad(f"cannot be read: {seen.refused[0].strerror}", _PERMITTED)
        finding = self._finding(seen)
        if seen.refused:
            first = seen.refused[0]
            unread = f"{len(seen.refused):,} folders in it cannot be read, such as {first.filename} ({first.strerror})"
            return self.doubtful(f"{finding}; {unread}", _PERMITTED)
        if not seen.files and seen.is_all:
            return self.doubtful(finding, f"put LoRA files there, {_MOUNTED}")
        return self.good(finding)

    def _count(self) -> _Seen:
        seen = _Seen()
        until = self._clock() + self._counting_s
        for _, _, names in os.walk(self._root, onerror=seen.refused.append):
            seen.files += sum(map(is_safetensors, names))
            if self._clock() >= until:
                seen.is_all = False
                break
        return seen

    def _finding(self, seen: _Seen) -> str:
        real = os.path.realpath(self._root)
        behind = "" if real == self._root else f", really {real}"
        return f"{'' if seen.is_all else 'more than '}{seen.files:,} LoRA files{behind}"
