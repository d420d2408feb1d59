"""Looking at the commands that deliveries may run."""

import os
import shutil
from collections.abc import Mapping, Sequence

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import BoundedCheck
from lora_manager.ports.diagnosis import Diagnosis

_SETTING = "CLI_COMMANDS"


class Commands(BoundedCheck):
    """Looks whether the program of each is there and may be run. Arguments may be secrets, and are not told.

    :param commands: the program and its arguments, by name
    """

    def __init__(self, commands: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__("commands")
        self._commands = commands

    async def _look(self) -> Sequence[Diagnosis]:
        if not self._commands:
            return [self.good(f"none are set in {_SETTING}")]
        return await apart(lambda: [self._judged(name, argv[0]) for name, argv in self._commands.items()])

    def _judged(self, name: str, program: str) -> Diagnosis:
        found = shutil.which(program)
        if found is not None:
            return self.good(f"{name!r} runs {found}")
        if os.path.isfile(program):
            return self.bad(f"the program {program} of {name!r} may not be run", f"chmod +x {program}")
        where = "is not there" if os.path.dirname(program) else "is in no folder of PATH"
        return self.bad(f"the program {program} of {name!r} {where}", f"install it, or correct {_SETTING}")
