"""Verifying an adapter's file."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from lora_manager.http.schemas.input import Input


class ExtraHash(StrEnum):
    """A hash that is taken only when somebody asks for it."""

    CRC32 = "crc32"
    BLAKE3 = "blake3"


class VerifyQuery(Input, frozen=True, kw_only=True):
    """What to take beside the usual hashes."""

    hash: Annotated[
        tuple[ExtraHash, ...], Meta(description="Take this hash, too; once taken it stays while the content does")
    ] = ()
