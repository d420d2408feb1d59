"""Who said a fact: the file, CivitAI or the user; a later look never overrides a better source."""

from enum import StrEnum


class Source(StrEnum):
    """Where a value came from."""

    FILE = "file"
    CIVITAI = "civitai"
    USER = "user"

    def yields_to(self, other: "Source") -> bool:
        """Whether ``other`` may replace what this source said; each may replace itself."""
        return _RANK[other] >= _RANK[self]


_RANK = {Source.FILE: 0, Source.CIVITAI: 1, Source.USER: 2}
