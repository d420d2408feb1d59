"""The document that every error is answered with."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from lora_manager.domain.errors import InvalidField


class InvalidParam(Struct, frozen=True):
    """One wrong field, parameter or header."""

    name: Annotated[str, Meta(description="As the client wrote it", examples=["triggers[0].text"])]
    reason: Annotated[str, Meta(examples=["must be a string"])]

    @classmethod
    def of(cls, field: InvalidField) -> "InvalidParam":
        """The field as clients see it."""
        return cls(field.name, field.reason)


class Problem(Struct, frozen=True):
    """An error (RFC 9457)."""

    type: Annotated[
        str, Meta(description="The kind of problem, and where it is explained", examples=["/problems/name-taken"])
    ]
    title: Annotated[str, Meta(description="The kind in words")]
    status: Annotated[int, Meta(description="The HTTP status code")]
    detail: Annotated[str, Meta(description="What happened this time")]
    request_id: Annotated[str, Meta(description="The X-Request-ID of this request; the service's log has it too")]
    invalid_params: Annotated[tuple[InvalidParam, ...], Meta(description="All that is wrong")] | UnsetType = UNSET
