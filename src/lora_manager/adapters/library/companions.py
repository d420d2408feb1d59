"""Sidecars and previews, told from the names that lie beside a LoRA file."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lora_manager.domain.scan import FoundFile
from lora_manager.domain.sidecar import SUFFIXES, stem_of_companion

_RANKS = {suffix: rank for rank, suffix in enumerate(SUFFIXES)}


class Companions:
    """Gathers paths as they are listed, and gives them to the files that they lie beside."""

    def __init__(self) -> None:
        self._beside: dict[str, list[tuple[int, str]]] = defaultdict(list)  # by path without suffix

    def add(self, path: str, file_name: str) -> None:
        """Keep the path if it may be a companion.

        :param file_name: the last part of the path
        """
        companion = stem_of_companion(file_name)
        if companion is not None:
            suffix = companion[1]
            self._beside[path[: -len(suffix)]].append((_RANKS[suffix], path))

    def of(self, path: str) -> Sequence[str]:
        """Those of one file, in the order of ``domain.sidecar.SUFFIXES``."""
        return tuple(companion for _, companion in sorted(self._beside.get(os.path.splitext(path)[0], ())))

    def of_each(self, files: Iterable[FoundFile]) -> Mapping[str, Sequence[str]]:
        """Those of each file that has any."""
        if not self._beside:
            return {}
        return {file.path: companions for file in files if (companions := self.of(file.path))}
