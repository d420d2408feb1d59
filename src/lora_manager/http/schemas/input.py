"""What all requests have in common."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import Struct


class Input(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body or a query: unknown names are refused, nothing is coerced, an absent field differs from null."""

    read_only: ClassVar[frozenset[str]] = frozenset()
    """Names that a client knows from answers but cannot set."""

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        """Hold the fields that are of their type against the limits that the domain sets them.

        Asked only where other fields are not of their type, so that the client is told of both at once.
        :raises InvalidFields: naming every field that breaks its limit
        """
