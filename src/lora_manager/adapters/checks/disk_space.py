"""Looking how much room is left."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from lora_manager.adapters.checks.apart import apart
from lora_manager.adapters.checks.bounded import BoundedCheck
from lora_manager.adapters.checks.places import existing
from lora_manager.ports.diagnosis import Diagnosis

_GB = 10**9
_BAD_BELOW = 10**8  # bytes: not even one LoRA more
_DOUBTFUL_BELOW = 2 * _GB
_DOUBTFUL_SHARE = 0.05  # of the whole
_MEASURING_S = 8.0
_WAY_OUT = "make room there, or point the setting at another disk"

Usage = Callable[[str], tuple[int, int, int]]
"""The bytes of a folder's file system: all, used, free to us."""


class _Measured(NamedTuple):
    folder: str
    device: int
    size: int
    free: int


class DiskSpace(BoundedCheck):
    """Looks at the file system of each folder, at every file system once.

    :param folders: absolute; of one that is not there the nearest above it counts
    """

    def __init__(self, folders: Sequence[str], usage: Usage = shutil.disk_usage) -> None:
        super().__init__("disk space")
        self._folders = tuple(dict.fromkeys(folders))
        self._usage = usage

    async def _look(self) -> Sequence[Diagnosis]:
        return list(self._told(await asyncio.gather(*map(self._measured, self._folders))))

    async def _measured(self, folder: str) -> _Measured | Diagnosis:
        try:
            async with asyncio.timeout(_MEASURING_S):
                return await apart(lambda: self._measure(folder))
        except TimeoutError:
            return self.bad(f"the disk of {folder} does not answer", "check that it is mounted and can be reached")
        except OSError as error:
            return self.bad(f"the disk of {folder} does not tell: {error.strerror}", "check that it is mounted")

    def _measure(self, folder: str) -> _Measured:
        place = existing(folder)
        size, _, free = self._usage(place)
        return _Measured(folder, os.stat(place).st_dev, size, free)

    def _told(self, found: Sequence[_Measured | Diagnosis]) -> Iterator[Diagnosis]:
        by_device: dict[int, list[_Measured]] = {}
        for one in found:
            if isinstance(one, Diagnosis):
                yield one
            else:
                by_device.setdefault(one.device, []).append(one)
        for together in by_device.values():
            yield self._judged(together)

    def _judged(self, together: Sequence[_Measured]) -> Diagnosis:
        _, _, size, free = together[0]
        places = ", ".join(measured.folder for measured in together)
        share = free / size if size else 0.0
        finding = f"{free / _GB:,.1f} GB of {size / _GB:,.1f} GB ({share:.0%}) are free at {places}"
        if free < _BAD_BELOW:
            return self.bad(finding, _WAY_OUT)
        if free < _DOUBTFUL_BELOW or share < _DOUBTFUL_SHARE:
            return self.doubtful(finding, _WAY_OUT)
        return self.good(finding)
