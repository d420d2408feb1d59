"""Answers that hold adapters.

The adapters in them are JSON that is ready already (see ``lora_manager.http.rendering``), so these types only describe.
"""

from typing import Annotated

from msgspec import Meta, Struct

from lora_manager.domain.registry import SharedBy
from lora_manager.http.schemas.adapter import AdapterResource, ValidationResource


class AdapterAnswer(Struct, frozen=True):
    """One adapter."""

    adapter: AdapterResource


class ValidationAnswer(Struct, frozen=True):
    """What was said of an adapter's file."""

    validation: ValidationResource


class AdapterList(Struct, frozen=True):
    """Adapters in their order."""

    items: tuple[AdapterResource, ...]


class DuplicateGroup(Struct, frozen=True):
    """Adapters that share something, oldest first."""

    by: SharedBy
    value: Annotated[str, Meta(description="What they share")]
    adapters: tuple[AdapterResource, ...]


class DuplicateList(Struct, frozen=True):
    """The groups, those of equal content first."""

    items: tuple[DuplicateGroup, ...]
