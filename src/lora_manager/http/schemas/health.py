"""Whether the service is there, and whether it can work."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Health(Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Struct, frozen=True):
    """Every part that the service needs answers."""

    parts: Annotated[tuple[str, ...], Meta(description="What was asked", examples=[["database"]])]
    status: Literal["ready"] = "ready"
