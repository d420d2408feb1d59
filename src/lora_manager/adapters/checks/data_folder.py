"""Looking at the folder that the service writes to."""

import os
from collections.abc import Sequence

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import PATIENCE_S, BoundedCheck
from lora_manager.adapters.checks.places import existing, why_not_writable
from lora_manager.ports.diagnosis import Diagnosis

_WAY_OUT = "let the user that runs the service write there, or point DATA_DIR elsewhere"


class DataFolder(BoundedCheck):
    """Looks whether files can be made in it, or where it is not there yet, whether it can be made.

    :param folder: absolute
    :param parts: names of folders in it, which need not be there
    """

    def __init__(self, folder: str, parts: Sequence[str] = (), *, patience_s: float = PATIENCE_S) -> None:
        super().__init__("data folder", patience_s=patience_s)
        self._folder = folder
        self._parts = parts

    async def _look(self) -> Sequence[Diagnosis]:
        return [await apart(self._tried)]

    def _tried(self) -> Diagnosis:
        if not os.path.lexists(self._folder):
            return self._to_be_made()
        parts = (os.path.join(self._folder, part) for part in self._parts)
        for folder in (self._folder, *(part for part in parts if os.path.lexists(part))):
            reason = why_not_writable(folder)
            if reason is not None:
                return self.bad(f"{folder} cannot be written to: {reason}", _WAY_OUT)
        return self.good(f"{self._folder} can be written to")

    def _to_be_made(self) -> Diagnosis:
        above = existing(self._folder)
        reason = why_not_writable(above)
        if reason is not None:
            return self.bad(f"{self._folder} is not there and cannot be made in {above}: {reason}", _WAY_OUT)
        return self.good(f"{self._folder} is not there yet; it is made when something is written")
