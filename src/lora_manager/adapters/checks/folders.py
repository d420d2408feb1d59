"""Looking how the folders of a deployment lie to each other."""

import os
from collections.abc import Iterator, Sequence
from itertools import combinations

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import BoundedCheck
from lora_manager.adapters.checks.library_root import SETTING
from lora_manager.adapters.checks.places import is_inside
from lora_manager.ports.diagnosis import Diagnosis

_TWICE = f"name only the outer one in {SETTING}: what lies in the inner one is looked at twice"
_MIXED = "move one of them: what the service writes would be taken for part of the library"


class FolderNesting(BoundedCheck):
    """Looks whether library roots and the data folder lie apart, by their real paths.

    :param roots: absolute
    :param data_dir: absolute
    """

    def __init__(self, roots: Sequence[str], data_dir: str) -> None:
        super().__init__("folders", way_out="check that their disks are mounted")
        self._roots = roots
        self._data_dir = data_dir

    async def _look(self) -> Sequence[Diagnosis]:
        return await apart(lambda: list(self._nested())) or [self.good("none lies inside another")]

    def _nested(self) -> Iterator[Diagnosis]:
        real = {folder: os.path.realpath(folder) for folder in (*self._roots, self._data_dir)}
        for one, other in combinations(self._roots, 2):
            for inner, outer in ((one, other), (other, one)):
                if is_inside(real[inner], real[outer]):
                    yield self.doubtful(f"the library root {inner} lies inside the library root {outer}", _TWICE)
                    break
        for root in self._roots:
            if is_inside(real[self._data_dir], real[root]):
                yield self.doubtful(f"the data folder {self._data_dir} lies inside the library root {root}", _MIXED)
            elif is_inside(real[root], real[self._data_dir]):
                yield self.doubtful(f"the library root {root} lies inside the data folder {self._data_dir}", _MIXED)
